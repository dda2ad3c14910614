/**
 * `npm run bench -- peers`: the same ops on other engines, in turns with ours.
 *
 * All run in this process on the same adapter: ours and those that want `navigator.gpu` through the
 * Dawn of our `webgpu` package, ONNX Runtime's native build through its own and the same driver.
 * Dawn's binding for Node keeps a core busy while a promise is pending, which a software adapter
 * could compute with, so the waits for tfjs, jax-js and ONNX Runtime for browsers go through
 * the same `until` as our own, with its naps.
 */
import type { Device } from "../../engine/device.ts";
import type { HostArray } from "../../engine/graph.ts";
import { UserError } from "../../roclip/errors.ts";
import { checkResults, expectedFrom } from "./check.ts";
import { openPeers } from "./engines/open.ts";
import { prepareOwn } from "./engines/own.ts";
import type { Job, Named, Peer, Runner } from "./job.ts";
import { inTurns, type PeerRow, ratioOf, type Summary, summarise } from "./pairs.ts";
import { formatPeerRow, formatPeersHead, formatSummary, formatWithout } from "./table.ts";

/** A peer that did not run a job, and why. */
export interface Missing {
  readonly op: string;
  readonly shape: string;
  readonly peer: string;
  readonly reason: string;
}

/** What `--json` writes. */
export interface Comparison {
  readonly rows: readonly PeerRow[];
  readonly missing: readonly Missing[];
  readonly summary: readonly Summary[];
}

/** What `--only` leaves. */
export function selectJobs(jobs: readonly Job[], only: string): readonly Job[] {
  const wanted = only.toLowerCase();
  const found = jobs.filter(({ op, shape }) => `${op} · ${shape}`.toLowerCase().includes(wanted));
  if (found.length > 0) return found;
  const ops = [...new Set(jobs.map(({ op }) => op))].join(", ");
  throw new UserError(
    `bench: --only must be part of "op · shape"; "${only}" is part of none; ops are ${ops}`,
  );
}

/** Check our results and the peer's, run by run; how many entries were compared. */
async function checkBoth(
  job: Job,
  operands: Named<HostArray>,
  ours: Runner,
  peer: Runner,
  name: string,
): Promise<number> {
  const { compared = 1, tolerance } = job;
  const reference = job.expected?.(operands);
  let entries = 0;
  for (let run = 0; run < compared; run++) {
    const own = await ours.results();
    if (reference) checkResults("ours", own, reference, tolerance);
    const expected = reference ?? expectedFrom(own);
    entries += checkResults(name, await peer.results(), expected, tolerance);
  }
  return entries;
}

/** One job beside one peer. */
async function comparePair(
  device: Device,
  job: Job,
  operands: Named<HostArray>,
  peer: Peer,
  seconds: number,
): Promise<PeerRow | string> {
  const ready = await peer.prepare(job, operands);
  if ("cannot" in ready) return `cannot: ${ready.cannot}`;
  const ours = await prepareOwn(device, job, operands, peer.wait);
  try {
    const checked = await checkBoth(job, operands, ours, ready, peer.name);
    const pairs = await inTurns(ours.run, ready.run, seconds);
    const { op, shape } = job;
    return { op, shape, peer: peer.name, ...ratioOf(pairs), checked };
  } finally {
    ours.close();
    ready.close();
  }
}

/** As comparePair; what fails is a reason as well, and an exit code. */
async function attempt(...given: Parameters<typeof comparePair>): Promise<PeerRow | string> {
  try {
    return await comparePair(...given);
  } catch (error) {
    process.exitCode = 1;
    return `failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * Compare every job with every peer and print rows as they come.
 *
 * @param seconds  how long to repeat each pair; seven pairs at least
 */
export async function comparePeers(
  device: Device,
  jobs: readonly Job[],
  seconds: number,
): Promise<Comparison> {
  const { peers, close } = await openPeers(device);
  const rows: PeerRow[] = [];
  const missing: Missing[] = [];
  console.log("checked first: sampled entries against float64; the step's losses against ours\n");
  console.log(formatPeersHead());
  for (const job of jobs) {
    const operands = job.operands();
    for (const peer of peers.filter(({ takes }) => takes?.(job) ?? true)) {
      const row = await attempt(device, job, operands, peer, seconds);
      const { op, shape } = job;
      if (typeof row === "string") {
        missing.push({ op, shape, peer: peer.name, reason: row });
        console.log(formatWithout(op, shape, peer.name, row));
      } else {
        rows.push(row);
        console.log(formatPeerRow(row));
      }
    }
  }
  const record = new Set(peers.filter((peer) => peer.forTheRecord).map(({ name }) => name));
  const summary = summarise(rows.filter(({ peer }) => !record.has(peer)));
  console.log(`\n${formatSummary(summary)}`);
  close();
  return { rows, missing, summary };
}
