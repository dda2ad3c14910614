/** Images of one class that are classified as one class, its own or another. */
export interface Confusion {
  readonly trueClass: string;
  readonly predicted: string;
  readonly images: number;
  /** Of the images of the true class. */
  readonly share: number;
}

/**
 * A confusion matrix in words: its cells that are not 0, row by row.
 *
 * @param confusion  u32[C, C]: images of class row that were classified as class column
 * @param classes    C names
 */
export function confusionsOf(confusion: Uint32Array, classes: readonly string[]): Confusion[] {
  const C = classes.length;
  return classes.flatMap((trueClass, c) => {
    const row = confusion.subarray(c * C, (c + 1) * C);
    const total = row.reduce((sum, images) => sum + images, 0);
    return Array.from(row, (images, other) => {
      return { trueClass, predicted: classes[other]!, images, share: images / total };
    }).filter(({ images }) => images > 0);
  });
}

/** The mistakes that most images suffer, at most so many of them; of equals the first. */
export function worstConfusions(confusions: readonly Confusion[], most: number): Confusion[] {
  return confusions
    .filter(({ trueClass, predicted }) => trueClass !== predicted)
    .sort((a, b) => b.images - a.images)
    .slice(0, most);
}
