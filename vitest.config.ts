import { defineConfig } from "vitest/config";

/**
 * Two files at a time: a software adapter runs kernels on every core, but compiles each on one, and
 * compiling is most of what the tests do. llvmpipe compiles faster when it need not optimise.
 */
const env = { GALLIVM_PERF: "nopt" };
const gpu = { pool: "forks", maxWorkers: 2, testTimeout: 120_000, env } as const;

/** Commands, whole runs and what measures: they compile the same kernels again and again. */
const runs = [
  "test/{bench,results,tune}.test.ts",
  "test/roclip/{baselineRuns,browser,cli,evaluate,everySwitch,sweep,train}.test.ts",
];
const data = ["test/data/**/*.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: { ...gpu, name: "unit", include: ["test/**/*.test.ts"], exclude: [...runs, ...data] },
      },
      { test: { ...gpu, name: "runs", include: runs } },
      { test: { ...gpu, name: "data", include: data } },
    ],
  },
});
