/** Every job, in the order of the table. */
import type { Job } from "../job.ts";
import { conv2dJobs } from "./conv2d.ts";
import { matmulJobs } from "./matmul.ts";
import { normaliseJobs } from "./normalise.ts";

export const jobs: readonly Job[] = [...matmulJobs, ...conv2dJobs, ...normaliseJobs];
