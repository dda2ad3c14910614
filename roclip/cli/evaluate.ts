/** `roclip evaluate`: measure a saved model. */
import { dirname } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { type Device, release } from "../../engine/index.ts";
import { type Assessed, assess, MEASURES, type MeasureGroup, type MeasureRow } from "../assess.ts";
import { assessSet } from "../assessSet.ts";
import { attack } from "../attack.ts";
import { type EvaluationSet, evaluationSet, readSet } from "../data/evaluationSets.ts";
import { UserError } from "../errors.ts";
import { createEmbedder, evaluate, remembering, subjectsOf } from "../evaluate.ts";
import { DEFENCE_NAMES } from "../report/data.ts";
import { readRun, readTruth, type SavedRun } from "../runFolder.ts";
import { type Phase, phaseOf } from "../schedule.ts";
import type { SourceData } from "../source.ts";
import { formatCells, percent, type ResultRow, resultRows } from "../table.ts";
import { loadModel } from "../train.ts";
import type { Attack, TruthRow } from "../truth.ts";
import {
  addDeviceOption,
  addSourceOptions,
  type DeviceOptions,
  loadSource,
  openNamedDevice,
  type SourceOptions,
  sourceOf,
  wholeNumber,
  writeRows,
} from "./common.ts";

interface Options extends DeviceOptions, SourceOptions {
  readonly json?: string;
  readonly measures: readonly MeasureGroup[];
  readonly on?: readonly SetFolder[];
  readonly perClass?: number;
}

/** An evaluation set and where it is. */
interface SetFolder {
  readonly set: EvaluationSet;
  readonly folder: string;
}

/** One more `name=folder` of `--on`. */
function setFolder(text: string, before: readonly SetFolder[] = []): SetFolder[] {
  const [name, ...rest] = text.split("=");
  if (rest.length === 0)
    throw new InvalidArgumentError(`it must be <name>=<folder>; found "${text}"`);
  return [...before, { set: evaluationSet(name!), folder: rest.join("=") }];
}

const USUAL: readonly MeasureGroup[] = ["zero-shot", "attacks", "retrieval"];

/** The groups that `--measures` names. */
function groupsOf(text: string): MeasureGroup[] {
  const names = text === "all" ? MEASURES : text.split(",").map((name) => name.trim());
  return names.map((name) => {
    const group = MEASURES.find((known) => known === name);
    if (group) return group;
    throw new InvalidArgumentError(`it must name some of ${MEASURES.join(", ")}; found "${name}"`);
  });
}

/** A rate as per cent, any other number with four digits; a dash where not measured. */
function valueText({ value, cases, measure }: MeasureRow): string {
  if (value === null) return "–";
  return cases === undefined && !/class mean/.test(measure)
    ? String(+value.toPrecision(4))
    : percent(value);
}

/** The measures as lines of text. */
function formatMeasures(rows: readonly MeasureRow[]): string {
  const columns = [
    { title: "measures" },
    { title: "" },
    ...["value", "95% interval", "cases"].map((title) => ({ title, numeric: true })),
  ];
  const cells = rows.map((row, i) => [
    rows[i - 1]?.group === row.group ? "" : row.group,
    row.measure,
    valueText(row),
    row.low === undefined ? "" : `${percent(row.low)} – ${percent(row.high!)}`,
    row.cases === undefined ? "" : String(row.cases),
  ]);
  return formatCells(columns, cells);
}

/** The training data as the run saw it. @throws UserError when it cannot be made again */
function attackedAgain(data: SourceData, saved: SavedRun, truth: readonly TruthRow[]): Attack {
  const made = attack(data.train, data.test, saved.progress.config);
  const rows = (of: readonly TruthRow[]) => JSON.stringify(of.map((t) => [t.row, t.caption]));
  const same = made.dataset.captions.length === saved.progress.pairs;
  if (same && rows(made.truth) === rows(truth)) return made;
  throw new UserError(
    "evaluate: detection and audit must have the training data of the run; its attacks come out " +
      "otherwise here; give the tables and images that it was trained on",
  );
}

/** What was measured of a saved model: a row as every command writes it, and every measure. */
interface Measured extends ResultRow {
  readonly kind: Phase;
  readonly measures: readonly MeasureRow[];
}

async function measure(device: Device, path: string, options: Options): Promise<Measured> {
  const saved = await readRun(path);
  const { config, classes, prompts, source: own } = saved.progress;
  const source = options.data === undefined ? own : sourceOf(options);
  const truth = await readTruth(path.endsWith(".safetensors") ? dirname(path) : path);
  const data = await loadSource(source, config);
  const { state, tokenizer } = loadModel(device, saved);
  const embedder = remembering(await createEmbedder(device, config, state, tokenizer));
  let made: Attack | undefined;
  const subjects = subjectsOf(config, { test: data.test, classes, prompts, truth });
  const assessed: Assessed = {
    ...{ device, embedder, state, seed: config.seed, subjects },
    data: { ...data, classes, prompts },
    attacked() {
      made ??= attackedAgain(data, saved, truth);
      return made;
    },
  };
  const measures = await assess(assessed, options.measures);
  for (const { set, folder } of options.on ?? []) {
    const read = await readSet(set, folder, config.imageSize, options.perClass);
    measures.push(...(await assessSet(device, embedder, config.seed, read)));
  }
  const found = await evaluate(embedder, subjects, { classes, prompts, test: data.test });
  embedder.destroy();
  release(device, state);
  const { phase, epoch } = reached(saved);
  const unknown = { loss: Number.NaN, pairsPerSecond: Number.NaN, seconds: Number.NaN };
  const { defence, seed } = config;
  const epochs = [{ epoch, phase, ...unknown, ...found }];
  const [row] = resultRows([{ defence, seed, epochs }]);
  return { ...row!, kind: phase, measures };
}

/** The epoch that a saved model has reached: between epochs the one under way has no step done. */
function reached({ progress }: SavedRun) {
  const epoch = progress.step === 0 ? progress.epoch - 1 : progress.epoch;
  return { epoch, phase: phaseOf(progress.config, epoch) };
}

async function runEvaluate(path: string, options: Options): Promise<void> {
  const device = await openNamedDevice(options);
  try {
    const measured = await measure(device, path, options);
    const { defence, seed, epoch, kind, measures } = measured;
    console.log(`\n${DEFENCE_NAMES[defence]}, seed ${seed}, epoch ${epoch} (${kind})\n`);
    console.log(formatMeasures(measures));
    writeRows(options.json, [measured]);
  } finally {
    device.close();
  }
}

/** Add the command to the program. */
export function addEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .description("Measure a saved model: accuracy, attacks, retrieval, probes, detection, pool.")
    .argument("<run>", "run folder, or its checkpoint.safetensors")
    .option(
      "--measures <names>",
      `some of ${MEASURES.join(",")}, or all (default: ${USUAL.join(",")})`,
      groupsOf,
      USUAL,
    )
    .option(
      "--on <name=folder>",
      "also zero-shot and linear probe on a data set of roclip data; repeatable",
      setFolder,
    )
    .option("--per-class <n>", "--on: training images of a class, at most", wholeNumber)
    .option("--json <file>", "also write the row and its measures as JSON");
  addSourceOptions(command);
  addDeviceOption(command);
  command.addHelpText(
    "after",
    `
Examples:
  roclip evaluate runs/demo/roclip --json rows.json
  roclip evaluate runs/demo/roclip --measures probe,detection,audit
  roclip evaluate runs/demo/roclip --on cifar10=cifar-10-batches-bin --on dtd=dtd`,
  );
  command.action(runEvaluate);
}
