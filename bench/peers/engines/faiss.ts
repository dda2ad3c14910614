/**
 * FAISS on the CPU, where Python has it: what the pool match costs without a GPU's language. It is
 * no engine, so it stands in the table for the record and not in the summary. It is as fast as the
 * system's BLAS, so its row names that; beside the reference BLAS, which takes many times as long
 * and which a package of FAISS may bring alone, it is not timed.
 */
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { HostArray } from "../../../engine/graph.ts";
import { type Named, type Peer, type Runner, timed } from "../job.ts";

const SCRIPT = fileURLToPath(new URL("faiss_search.py", import.meta.url));
const PYTHONS = ["python3", "/usr/bin/python3"]; // the system's, where another stands before it

/** What to do where FAISS, or a BLAS to quote it with, is not there. */
export const INSTALL_FAISS = "apt-get install python3-faiss libopenblas0";

const REFERENCE = "reference BLAS";
/** What tells an implementation by the path of its library; the last by elimination. */
const IMPLEMENTATIONS: readonly (readonly [RegExp, string])[] = [
  [/openblas/i, "OpenBLAS"],
  [/mkl/i, "MKL"],
  [/blis/i, "BLIS"],
  [/atlas/i, "ATLAS"],
  [/libblas\.[^/]*$/, REFERENCE],
];

/** The BLAS of a library file; the file's own name where that is all that is known. */
export function blasName(file: string): string {
  const known = IMPLEMENTATIONS.find(([pattern]) => pattern.test(file))?.[1];
  return known ?? (file.split("/").at(-1) || "unknown BLAS");
}

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
    const { status, stdout } = spawnSync(python, [SCRIPT], { encoding: "utf8" });
    if (status !== 0) continue;
    const [version, threads, file] = stdout.split("\n") as [string, string, string];
    const blas = blasName(file);
    const cannot = `it has the reference BLAS, many times as slow as others; ${INSTALL_FAISS}`;
    console.log(`FAISS ${version}: ${threads} threads, ${blas} (${file})\n`);
    return {
      name: `faiss ${version} ${blas}`,
      wait: "read",
      forTheRecord: true,
      takes: ({ op }) => op === "top-1",
      prepare: async (_, operands) => {
        return blas === REFERENCE ? { cannot } : prepare(python, operands);
      },
      close: () => {},
    };
  }
  console.log(`FAISS is not here (${INSTALL_FAISS}): top-1 goes without it\n`);
  return undefined;
}
