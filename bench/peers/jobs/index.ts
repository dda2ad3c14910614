/** Every job, in the order of the table. */
import type { Job } from "../job.ts";
import { adamWJob } from "./adamW.ts";
import { attentionJobs } from "./attention.ts";
import { conv2dJobs } from "./conv2d.ts";
import { matmulJobs } from "./matmul.ts";
import { nearestJobs } from "./nearest.ts";
import { normaliseJobs } from "./normalise.ts";
import { stepJob } from "./step.ts";

export const jobs: readonly Job[] = [
  ...matmulJobs,
  ...conv2dJobs,
  ...normaliseJobs,
  ...attentionJobs,
  ...nearestJobs,
  adamWJob,
  stepJob,
];
