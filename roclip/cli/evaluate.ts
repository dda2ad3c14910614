/** `roclip evaluate`: measure a saved model. */
import { type Command, InvalidArgumentError } from "commander";
import { MEASURES, type MeasureGroup, type MeasureRow } from "../assess.ts";
import type { Assessed } from "../assessed.ts";
import { assessMatches } from "../assessPairs.ts";
import { writeAtomically } from "../checkpoint.ts";
import { evaluationSet } from "../data/evaluationSets.ts";
import { encodeEmbeddings } from "../embeddings.ts";
import { type Confusion, worstConfusions } from "../measures/confusions.ts";
import { formatMatches } from "../measures/poolAudit.ts";
import { DEFENCE_NAMES } from "../report/data.ts";
import { formatCells, isShare, measureText, percent } from "../table.ts";
import {
  addDeviceOption,
  addSourceOptions,
  type DeviceOptions,
  measureGroups,
  openNamedDevice,
  type SourceOptions,
  sourceOf,
  wholeNumber,
  writeRows,
} from "./common.ts";
import { measureRun, type SetFolder } from "./measure.ts";

interface Options extends DeviceOptions, SourceOptions {
  readonly json?: string;
  readonly matches?: string;
  readonly embeddings?: string;
  readonly measures: readonly MeasureGroup[];
  readonly on?: readonly SetFolder[];
  readonly perClass?: number;
  readonly attacksOf?: string;
}

/** One more `name=folder` of `--on`. */
function setFolder(text: string, before: readonly SetFolder[] = []): SetFolder[] {
  const [name, ...rest] = text.split("=");
  if (rest.length === 0)
    throw new InvalidArgumentError(`it must be <name>=<folder>; found "${text}"`);
  return [...before, { set: evaluationSet(name!), folder: rest.join("=") }];
}

const SHOWN = 5; // confusions that are printed

const USUAL: readonly MeasureGroup[] = ["zero-shot", "attacks", "retrieval"];

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
    measureText(row.value, isShare(row)),
    row.low === undefined ? "" : `${percent(row.low)} – ${percent(row.high!)}`,
    row.cases === undefined ? "" : String(row.cases),
  ]);
  return formatCells(columns, cells);
}

/** The worst confusions as lines of text; undefined where every image is classified right. */
function formatConfusions(confusions: readonly Confusion[]): string | undefined {
  const worst = worstConfusions(confusions, SHOWN);
  if (worst.length === 0) return undefined;
  const columns = [
    ...["class", "taken for"].map((title) => ({ title })),
    ...["images", "of the class"].map((title) => ({ title, numeric: true })),
  ];
  const cells = worst.map(({ trueClass, predicted, images, share }) => [
    ...[trueClass, predicted, String(images), percent(share)],
  ]);
  return formatCells(columns, cells);
}

/** Write what each training pair was matched to. */
async function writeMatches(path: string, assessed: Assessed): Promise<void> {
  const rows = await assessMatches(assessed);
  await writeAtomically(path, new TextEncoder().encode(formatMatches(rows)));
  console.log(`What ${rows.length} pairs were last matched to: ${path}`);
}

/** Write what the model makes of its data. */
async function writeEmbeddings(path: string, assessed: Assessed): Promise<void> {
  await writeAtomically(path, await encodeEmbeddings(assessed));
  console.log(`Embeddings and labels: ${path}`);
}

async function runEvaluate(path: string, options: Options): Promise<void> {
  const source = options.data === undefined ? undefined : sourceOf(options);
  const device = await openNamedDevice(options);
  try {
    const { on = [], attacksOf: attacks, matches, embeddings } = options;
    const also = async (assessed: Assessed) => {
      if (matches !== undefined) await writeMatches(matches, assessed);
      if (embeddings !== undefined) await writeEmbeddings(embeddings, assessed);
    };
    const measured = await measureRun(device, path, { ...options, on, source, attacks, also });
    const { defence, seed, epoch, kind, measures, confusions } = measured;
    console.log(`\n${DEFENCE_NAMES[defence]}, seed ${seed}, epoch ${epoch} (${kind})\n`);
    console.log(formatMeasures(measures));
    const confused = options.measures.includes("zero-shot") && formatConfusions(confusions);
    if (confused) console.log(`\nMost frequent confusions:\n\n${confused}`);
    writeRows(options.json, [measured]);
  } finally {
    device.close();
  }
}

const HELP = `
probe is a linear layer, trained as the paper does; regression a logistic regression whose λ is
swept on held-out rows, which takes minutes on tens of thousands of images.

Examples:
  roclip evaluate runs/demo/roclip --json rows.json
  roclip evaluate runs/demo/roclip --measures probe,detection,audit
  roclip evaluate runs/demo/roclip --measures audit --matches matches.csv
  roclip evaluate runs/clean --attacks-of runs/attacked
  roclip evaluate runs/demo/roclip --on cifar10=cifar-10-batches-bin --on dtd=dtd`;

/** Add the command to the program. */
export function addEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .description("Measure a saved model: accuracy, attacks, retrieval, probes, detection, pool.")
    .argument("<run>", "run folder, or its checkpoint.safetensors")
    .option(
      "--measures <names>",
      `some of ${MEASURES.join(",")}, or all (default: ${USUAL.join(",")})`,
      measureGroups,
      USUAL,
    )
    .option(
      "--on <name=folder>",
      "also zero-shot and linear probe on a data set of roclip data; repeatable",
      setFolder,
    )
    .option(
      "--attacks-of <run>",
      "measure by the attacks of another run: of a clean model, what chance alone gives",
    )
    .option("--per-class <n>", "--on: training images of a class, at most", wholeNumber)
    .option("--matches <csv>", "also write what each training pair was last matched to in the pool")
    .option(
      "--embeddings <safetensors>",
      "also write embeddings and labels, from which any program can measure",
    )
    .option("--json <file>", "also write the row, its measures and all confusions as JSON");
  addSourceOptions(command);
  addDeviceOption(command);
  command.addHelpText("after", HELP);
  command.action(runEvaluate);
}
