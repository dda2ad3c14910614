/** A sweep as work for engines that run many commands: a cell each, or several that must wait. */
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

/**
 * The numbers of the cells that each task runs, in their order: a cell that begins with another's
 * weights is run by the task of that cell, after it.
 */
function tasksOf({ cells }: Pick<Sweep, "cells">): number[][] {
  const taskOf = new Map<string, number[]>();
  for (const [i, { name, after }] of cells.entries()) {
    const task = taskOf.get(after ?? "") ?? [];
    task.push(i);
    taskOf.set(name, task);
  }
  return [...new Set(taskOf.values())];
}

/**
 * The lines of a shell that run the task whose number is in an environment variable. The program
 * takes the shell's place, and with it the signals that the engine sends.
 */
function taskScript(emitted: Emitted, variable: string): string {
  const command = `exec ${commandOf(emitted)} --cell`;
  const tasks = tasksOf(emitted.sweep);
  if (tasks.length === emitted.sweep.cells.length) return `${command} "$${variable}"`;
  const words = tasks.map((cells) => quoted(cells.join(" ")));
  return `set -- ${words.join(" ")}\nshift "$${variable}"\n${command} $1`;
}

const SAVE_SECONDS = 120; // between the warning and the end: for the step under way and saving

/**
 * A batch script whose array tasks are those of tasksOf.
 *
 * Slurm sends SIGINT before the time limit; the cell under way saves, and goes on when the script
 * is submitted again.
 *
 * @see  https://slurm.schedmd.com/sbatch.html (--array, --signal), job_array.html
 */
export function slurmScript(emitted: Emitted): string {
  const { sweep, name } = emitted;
  return `#!/bin/bash
#SBATCH --job-name=${name}
#SBATCH --array=0-${tasksOf(sweep).length - 1}
#SBATCH --output=${name}-%A_%a.log
#SBATCH --signal=B:INT@${SAVE_SECONDS}
set -eu
${taskScript(emitted, "SLURM_ARRAY_TASK_ID")}
`;
}

/**
 * A Job whose completion indices are those of tasksOf; each is tried again on its own when it
 * fails.
 *
 * @see  https://kubernetes.io/docs/concepts/workloads/controllers/job/ (completion mode, backoff
 *       limit per index)
 */
export function kubernetesJob(emitted: Emitted, { image, claim }: Cluster): string {
  const { sweep, name } = emitted;
  const tasks = tasksOf(sweep).length;
  const task = {
    name: "task",
    image,
    workingDir: "/sweep",
    command: ["sh", "-c", taskScript(emitted, "JOB_COMPLETION_INDEX")],
    volumeMounts: [{ name: "sweep", mountPath: "/sweep" }],
  };
  const pod = {
    restartPolicy: "Never",
    terminationGracePeriodSeconds: SAVE_SECONDS,
    containers: [task],
    volumes: [{ name: "sweep", persistentVolumeClaim: { claimName: claim } }],
  };
  const spec = {
    completionMode: "Indexed",
    completions: tasks,
    parallelism: tasks,
    backoffLimitPerIndex: 3,
    template: { spec: pod },
  };
  return stringify({ apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec });
}
