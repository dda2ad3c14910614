import { defineConfig } from "vitest/config";

/**
 * Two files at a time: a software adapter runs kernels on every core, but compiles each on one, and
 * compiling is most of what the tests do.
 */
const gpu = { pool: "forks", maxWorkers: 2, testTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    projects: [
      { test: { ...gpu, name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/data/**"] } },
      { test: { ...gpu, name: "data", include: ["test/data/**/*.test.ts"] } },
    ],
  },
});
