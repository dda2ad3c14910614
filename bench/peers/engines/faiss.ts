/**
 * FAISS on the CPU, where Python has it: what the pool match costs without a GPU's language. It is
 * no engine, so it stands in the table for the record and not in the summary. It is as fast as the
 * system's BLAS: with Debian's reference one its searches took some twenty times as long.
 */
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { HostArray } from "../../../engine/graph.ts";
import { type Named, type Peer, type Runner, timed } from "../job.ts";

const SCRIPT = fileURLToPath(new URL("faiss_search.py", import.meta.url));
const PYTHONS = ["python3", "/usr/bin/python3"]; // the system's, where another stands before it
const FIND_VERSION = "import faiss; print(faiss.__version__)";

const bytesOf = ({ data }: HostArray) =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A search in a process of its own, which holds the pool. */
function prepare(python: string, { queries, pool }: Named<HostArray>): Runner {
  const [rows, width] = queries!.shape as [number, number];
  const sizes = [rows, pool!.shape[0]!, width].map(String);
  const child = spawn(python, [SCRIPT, ...sizes], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.write(bytesOf(pool!));
  child.stdin.write(bytesOf(queries!));
  const ask = async (line: "run" | "results") => {
    child.stdin.write(`${line}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error("faiss: the process must answer; it ended; see what it printed");
    return value as string;
  };
  return {
    run: () => timed(() => ask("run")),
    results: async () => ({
      index: Uint32Array.from((await ask("results")).split(" "), Number),
    }),
    close: () => child.stdin.end(),
  };
}

/** FAISS, if some Python has it. */
export function findFaiss(): Peer | undefined {
  for (const python of PYTHONS) {
    const { status, stdout } = spawnSync(python, ["-c", FIND_VERSION], { encoding: "utf8" });
    if (status !== 0) continue;
    return {
      name: `faiss ${stdout.trim()} (CPU)`,
      wait: "read",
      forTheRecord: true,
      takes: ({ op }) => op === "top-1",
      prepare: async (_, operands) => prepare(python, operands),
      close: () => {},
    };
  }
  return undefined;
}
