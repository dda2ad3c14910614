/** A model measured on data that it was not trained on: an evaluation set, with its own classes. */
import { type Device, fold, keyOf } from "../engine/index.ts";
import { type MeasureRow, PROBE_KEY, rowOf } from "./assess.ts";
import type { Named } from "./assessed.ts";
import type { Dataset } from "./data/dataset.ts";
import type { Labelled, ReadSet } from "./data/evaluationSets.ts";
import { type Embedder, embedClasses } from "./evaluate.ts";
import { probeAccuracy } from "./measures/linearModel.ts";
import { linearProbe } from "./measures/linearProbe.ts";
import { zeroShot } from "./measures.ts";

/** Labelled images as the embedder takes them: it looks at the images alone. */
function asDataset(name: string, { size, images, labels }: Labelled): Dataset {
  const none = labels.map(() => "");
  return { name, size, images, captions: none, labels: none, ids: labels.map(String) };
}

/**
 * Zero-shot accuracy with the set's own prompts, and a linear probe that learns from its training
 * images.
 *
 * @param seed  of the probe's orders
 * @see         Radford et al. 2021, arXiv:2103.00020, §3.1.4 and §3.2
 */
export async function assessSet(
  device: Device,
  embedder: Embedder,
  seed: number,
  set: ReadSet,
): Promise<MeasureRow[]> {
  const { name, classes, templates, train, test } = set;
  const heldOut = asDataset(name, test);
  const vectors = await embedClasses(embedder, { classes, prompts: templates, test: heldOut });
  const found = zeroShot(await embedder.images(heldOut), vectors, test.labels);
  const features = await embedder.features(asDataset(name, train));
  const key = fold(keyOf(seed), PROBE_KEY);
  const layer = await linearProbe(device, features, train.labels, classes.length, key);
  const probed = probeAccuracy(layer, await embedder.features(heldOut), test.labels);
  const rows: Named[] = [
    ["zero-shot top-1", found.top1],
    ["zero-shot top-5", found.top5],
    ["zero-shot class mean", found.classMean],
    ["linear probe top-1", probed.top1],
    ["linear probe class mean", probed.classMean],
  ];
  return rows.map((row) => rowOf(name, row));
}
