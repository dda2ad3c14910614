import { defineConfig } from "vitest/config";

/** GPU files run one at a time: each software adapter already takes every core. */
const gpu = { pool: "forks", fileParallelism: false, testTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    projects: [
      { test: { ...gpu, name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/data/**"] } },
      { test: { ...gpu, name: "data", include: ["test/data/**/*.test.ts"] } },
    ],
  },
});
