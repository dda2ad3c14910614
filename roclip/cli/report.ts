/** Writing a report: what trained runs have to show, gathered. */
import { join, resolve } from "node:path";
import type { Device } from "../../engine/index.ts";
import { writeAtomically } from "../checkpoint.ts";
import { imageOf } from "../data/dataset.ts";
import { NO_MATCH } from "../model.ts";
import type { GalleryItem, RunResult } from "../report/data.ts";
import { reportPicture } from "../report/picture.ts";
import { renderReport } from "../report.ts";
import { RUN_FILES } from "../runFolder.ts";
import type { Config } from "../schema.ts";
import type { TrainedRun } from "../train.ts";
import type { Attack, TruthRow } from "../truth.ts";

/** A trained run as the report takes it. */
export interface ReportedRun {
  readonly config: Config;
  readonly run: TrainedRun;
  readonly result: RunResult;
}

interface Subject {
  readonly title: string;
  readonly device: Device;
  readonly command: string;
  readonly attacked: Attack;
  readonly runs: readonly ReportedRun[];
}

const SHOWN = 16; // images of each kind in the gallery

/** The caption that RoCLIP last matched a training row to, where it matched it at all. */
function matchedCaption({ attacked, runs }: Subject, row: number): string | undefined {
  const matched = runs
    .filter(({ config }) => config.defence === "roclip")
    .map(({ run }) => run.matches[row])
    .find((caption) => caption !== undefined && caption !== NO_MATCH);
  return matched === undefined ? undefined : attacked.dataset.captions[matched];
}

/** Classes that each model gives an image at the end. */
function predictions(runs: readonly ReportedRun[], of: (run: TrainedRun) => string | undefined) {
  const entries = runs.flatMap(({ config, run }) => {
    const prediction = of(run);
    return prediction === undefined ? [] : [[config.defence, prediction] as const];
  });
  return Object.fromEntries(entries) as GalleryItem["prediction"];
}

/** An attacked training row as the report shows it. */
function item(
  subject: Subject,
  truth: TruthRow,
  prediction: GalleryItem["prediction"],
): GalleryItem {
  const { dataset } = subject.attacked;
  const matched = matchedCaption(subject, truth.row);
  return {
    image: imageOf(dataset, truth.row),
    size: dataset.size,
    kind: truth.kind,
    trigger: truth.trigger,
    caption: truth.caption,
    prediction,
    trueClass: truth.trueClass,
    targetClass: truth.targetClass,
    ...(matched !== undefined && { matchedCaption: matched }),
  };
}

/** Poisoned targets, one pair of each, then triggered training images. */
function gallery(subject: Subject): GalleryItem[] {
  const { attacked, runs } = subject;
  const firstOf = new Map<string, TruthRow>();
  for (const truth of attacked.truth)
    if (truth.kind === "poison" && !firstOf.has(truth.source)) firstOf.set(truth.source, truth);
  const poisoned = [...firstOf.values()].slice(0, SHOWN);
  const triggered = attacked.truth.filter(({ kind }) => kind === "backdoor").slice(0, SHOWN);
  return [
    ...poisoned.map((truth, i) =>
      item(
        subject,
        truth,
        predictions(runs, (run) => run.last?.targetPredictions[i]),
      ),
    ),
    ...triggered.map((truth) => item(subject, truth, {})),
  ];
}

/**
 * Write a report into a folder, and its plots as a picture.
 *
 * @returns  the absolute path of the report
 */
export async function writeReport(folder: string, subject: Subject): Promise<string> {
  const runs = subject.runs.map(({ result }) => result);
  const page = await renderReport({
    title: subject.title,
    adapter: subject.device.name,
    command: subject.command,
    config: subject.runs.at(-1)!.config,
    runs,
    gallery: gallery(subject),
    notes: subject.attacked.notes,
  });
  const path = resolve(join(folder, RUN_FILES.report));
  await writeAtomically(path, new TextEncoder().encode(page));
  await writeAtomically(join(folder, RUN_FILES.picture), await reportPicture(runs));
  return path;
}
