/** A sweep as work for engines that run many commands: each cell is one of them. */
import { stringify } from "yaml";
import type { Sweep } from "./file.ts";

/** What a cell's command is made of. */
export interface Emitted {
  readonly sweep: Sweep;
  /** Name of the job; letters, digits and dashes. */
  readonly name: string;
  readonly out: string;
}

/** What a Kubernetes job needs besides. */
export interface Cluster {
  /** Container image with `roclip` on its path. */
  readonly image: string;
  /** PersistentVolumeClaim, shared by all pods, with the sweep's file and its data. */
  readonly claim: string;
}

/** A text as one word of a shell's command. */
const quoted = (text: string) =>
  /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** The command that runs a sweep, or goes on with it. */
export function commandOf({ sweep: { file, root }, out }: Pick<Emitted, "sweep" | "out">): string {
  const from = root === "" ? "" : ` --root ${quoted(root)}`;
  return `roclip sweep ${quoted(file)}${from} --out ${quoted(out)}`;
}

/** The command of the cell whose number is in an environment variable. */
const cellCommand = (emitted: Emitted, variable: string) =>
  `exec ${commandOf(emitted)} --cell "$${variable}"`;

const SAVE_SECONDS = 120; // between the warning and the end: for the step under way and saving

/**
 * A batch script whose array tasks are the cells.
 *
 * Slurm sends SIGINT before the time limit; the cell saves, and goes on when it is submitted again.
 *
 * @see  https://slurm.schedmd.com/sbatch.html (--array, --signal), job_array.html
 */
export function slurmScript(emitted: Emitted): string {
  const { sweep, name } = emitted;
  return `#!/bin/bash
#SBATCH --job-name=${name}
#SBATCH --array=0-${sweep.cells.length - 1}
#SBATCH --output=${name}-%A_%a.log
#SBATCH --signal=B:INT@${SAVE_SECONDS}
set -eu
${cellCommand(emitted, "SLURM_ARRAY_TASK_ID")}
`;
}

/**
 * A Job whose completion indices are the cells; each is tried again on its own when it fails.
 *
 * @see  https://kubernetes.io/docs/concepts/workloads/controllers/job/ (completion mode, backoff
 *       limit per index)
 */
export function kubernetesJob(emitted: Emitted, { image, claim }: Cluster): string {
  const { sweep, name } = emitted;
  const cell = {
    name: "cell",
    image,
    workingDir: "/sweep",
    command: ["sh", "-c", cellCommand(emitted, "JOB_COMPLETION_INDEX")],
    volumeMounts: [{ name: "sweep", mountPath: "/sweep" }],
  };
  const pod = {
    restartPolicy: "Never",
    terminationGracePeriodSeconds: SAVE_SECONDS,
    containers: [cell],
    volumes: [{ name: "sweep", persistentVolumeClaim: { claimName: claim } }],
  };
  const spec = {
    completionMode: "Indexed",
    completions: sweep.cells.length,
    parallelism: sweep.cells.length,
    backoffLimitPerIndex: 3,
    template: { spec: pod },
  };
  return stringify({ apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec });
}
