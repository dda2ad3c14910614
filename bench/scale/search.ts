/** How the pool search scales with the pool and with the batch. */
import type { Device } from "../../engine/device.ts";
import { hold, release } from "../../engine/held.ts";
import { nearest } from "../../engine/ops/nearest.ts";
import { compile } from "../../engine/plan.ts";
import { WORD_BYTES } from "../../kernels/kernel.ts";
import { deciles, timePlans } from "../harness.ts";
import { checkSearch, type Search, searchAnswer, searchPool, searchQueries } from "../nearest.ts";

/** A search, as `--json` writes it; null and a reason where it could not be done. */
export interface SearchRow extends Search {
  readonly ms: number | null;
  /** Memory beyond the operands and the results. */
  readonly extraBytes: number | null;
  readonly reason?: string;
}

// The widest at which a million rows fit 128 MiB, the least that WebGPU lets a binding hold and all
// that Mesa's software driver does: twice that is searched in two windows.
const WIDTH = 32;

const POOLS = [2 ** 12, 2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20];
const BATCHES = [64, 128, 256, 512, 1024];

/** The pools, each with its width: all at one, and the largest at twice that. */
export const SEARCHED_POOLS = [
  ...POOLS.map((P) => ({ P, D: WIDTH })),
  { P: POOLS.at(-1)!, D: 2 * WIDTH },
];

/** Bytes that `nearest` gives back: an index and a score for each query. */
const resultBytes = (B: number) => 2 * WORD_BYTES * B;

/** Why a pool cannot be searched on a device; undefined where it can. */
export function whyNot({ P, D }: Pick<Search, "P" | "D">, bufferBytes: number) {
  const bytes = P * D * WORD_BYTES;
  if (bytes <= bufferBytes) return undefined;
  const [has, may] = [bytes, bufferBytes].map((b) => `${Math.floor(b / 2 ** 20)} MiB`);
  return `the pool has ${has}; a buffer of this adapter holds ${may}`;
}

async function timeSearch(
  device: Device,
  search: Search,
  pool: Float32Array,
  seconds: number,
): Promise<SearchRow> {
  const { B, P, D } = search;
  const held = hold(device, {
    queries: { shape: [B, D], data: searchQueries(pool, search) },
    pool: { shape: [P, D], data: pool },
  });
  const plan = await compile(device, { outputs: { ...nearest(held.queries, held.pool) } });
  try {
    await checkSearch(plan, "nearest", searchAnswer(search));
    const [times] = await timePlans([plan], seconds / plan.steps.length);
    const ms = deciles(times!.totalsMs).median;
    return { ...search, ms, extraBytes: plan.memory.peakBytes - resultBytes(B) };
  } finally {
    plan.destroy();
    release(device, held);
  }
}

/**
 * Search a pool with every batch.
 *
 * @param seconds  how long to repeat each row
 */
export async function searchPoolAtBatches(
  device: Device,
  size: Pick<Search, "P" | "D">,
  seconds: number,
  batches: readonly number[] = BATCHES,
): Promise<SearchRow[]> {
  const reason = whyNot(size, device.gpu.limits.maxBufferSize);
  if (reason) return batches.map((B) => ({ B, ...size, ms: null, extraBytes: null, reason }));
  const pool = searchPool(size);
  const rows: SearchRow[] = [];
  for (const B of batches) rows.push(await timeSearch(device, { B, ...size }, pool, seconds));
  return rows;
}
