/**
 * A data set: images and captions in memory, row by row. Plain data; the functions here are pure.
 */

import { UserError } from "../errors.ts";

/** One or more names of each of some labels. */
export type LabelNames = Readonly<Record<string, readonly string[]>>;

/** N pairs of an image and a caption. */
export interface Dataset {
  readonly name: string;
  /** Images are size × size pixels. */
  readonly size: number;
  /** u8[N, size, size, 3], RGB. */
  readonly images: Uint8Array;
  /** N captions. */
  readonly captions: readonly string[];
  /** N class names; "" where unlabelled. */
  readonly labels: readonly string[];
  /** What captions call a label, where that is not the label itself. */
  readonly names?: LabelNames;
  /** N names of the rows, each one once (file name, or style/hexcode for emoji). */
  readonly ids: readonly string[];
}

/** Bytes of one size × size RGB image. */
export function imageBytes(size: number): number {
  return size * size * 3;
}

/**
 * Room for the images of a data set: all of them are one array.
 *
 * @param where  what to call the data in an error: its path
 * @returns      u8[rows, size, size, 3], zeros
 * @throws       UserError when no array is as large
 */
export function imageRoom(where: string, rows: number, size: number): Uint8Array {
  const bytes = rows * imageBytes(size);
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new UserError(
      `${where}: all images must fit one array in memory; found ${rows} of ${size} × ${size} ` +
        `pixels, ${bytes} bytes; choose smaller images, or fewer of them`,
      { cause },
    );
  }
}

/**
 * The pixels of one row: a view, not a copy.
 *
 * @param dataset  N rows
 * @param row      in [0, N)
 * @returns        u8[size, size, 3]
 * @throws         RangeError when there is no such row
 */
export function imageOf(dataset: Dataset, row: number): Uint8Array {
  checkRow("imageOf", dataset, row);
  const bytes = imageBytes(dataset.size);
  return dataset.images.subarray(row * bytes, (row + 1) * bytes);
}

/**
 * The named rows of a data set, in the order given.
 *
 * @param dataset  N rows
 * @param rows     each in [0, N), none twice: ids are unique
 * @returns        a copy with rows.length rows
 * @throws         RangeError when a row does not exist; UserError when one is asked for twice
 */
export function subset(dataset: Dataset, rows: ArrayLike<number>): Dataset {
  const order = Array.from(rows);
  for (const row of order) checkRow("subset", dataset, row);
  const bytes = imageBytes(dataset.size);
  const images = new Uint8Array(order.length * bytes);
  order.forEach((row, i) => {
    images.set(imageOf(dataset, row), i * bytes);
  });
  return checked("subset", {
    ...dataset,
    images,
    captions: order.map((row) => dataset.captions[row]!),
    labels: order.map((row) => dataset.labels[row]!),
    ids: order.map((row) => dataset.ids[row]!),
  });
}

/**
 * All rows of several data sets, one after the other.
 *
 * @param name   the name of the result
 * @param parts  at least one, all of one image size, no id in two of them
 * @returns      a copy with the sum of their rows
 * @throws       UserError when sizes differ or an id occurs twice
 */
export function concat(name: string, parts: readonly Dataset[]): Dataset {
  const sizes = [...new Set(parts.map((part) => part.size))];
  if (sizes.length !== 1) {
    const found = parts.map((part) => `${part.name} ${part.size} px`).join(", ") || "no data set";
    throw new UserError(
      `concat: all data sets must have one image size; found ${found}; read them with the same size`,
    );
  }
  const images = new Uint8Array(parts.reduce((sum, part) => sum + part.images.length, 0));
  let offset = 0;
  for (const part of parts) {
    images.set(part.images, offset);
    offset += part.images.length;
  }
  return checked("concat", {
    name,
    size: sizes[0]!,
    images,
    captions: parts.flatMap((part) => part.captions),
    labels: parts.flatMap((part) => part.labels),
    ids: parts.flatMap((part) => part.ids),
  });
}

/**
 * The same data set, proved consistent: as many images, captions and labels as ids, and no id
 * twice.
 *
 * @param where    the caller, for the message
 * @param dataset  to be checked
 * @returns        `dataset` itself
 * @throws         RangeError when lengths disagree; UserError naming the first repeated ids
 */
export function checked(where: string, dataset: Dataset): Dataset {
  const { size, images, captions, labels, ids } = dataset;
  const rows = ids.length;
  const pixels = rows * imageBytes(size);
  if (captions.length !== rows || labels.length !== rows || images.length !== pixels) {
    throw new RangeError(
      `${where}: images, captions, labels and ids must have the same rows; found ` +
        `${images.length / imageBytes(size)}, ${captions.length}, ${labels.length} and ${rows}`,
    );
  }
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const id of ids) (seen.has(id) ? repeated : seen).add(id);
  if (repeated.size > 0) {
    const names = [...repeated].slice(0, 5).join(", ");
    throw new UserError(
      `${where}: every row must have an id of its own; found ${repeated.size} repeated (${names}); ` +
        "keep one row of each",
    );
  }
  return dataset;
}

function checkRow(where: string, dataset: Dataset, row: number): void {
  const rows = dataset.ids.length;
  if (Number.isInteger(row) && row >= 0 && row < rows) return;
  throw new RangeError(`${where}: a row must be in [0, ${rows}); found ${row}`);
}
