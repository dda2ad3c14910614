/**
 * How many rows an amount of the configuration is.
 *
 * @param amount  rows if ≥ 1, else a share of them: 0.005 is 0.5%; 0 for none
 * @param rows    of the data
 * @returns       a share rounded to the nearest row, and at least one
 */
export function rowsFor(amount: number, rows: number): number {
  return amount >= 1 || amount === 0 ? amount : Math.max(1, Math.round(amount * rows));
}

/** How many of a tower's blocks keep only their input for the gradient: `recompute` of them. */
export function recomputedOf(
  { recompute }: { readonly recompute: number },
  blocks: number,
): number {
  return Math.ceil(recompute * blocks);
}

const UNITS = { GB: 1e9, MB: 1e6 } as const;

/** Bytes of a text such as 8GB, of 10⁹ bytes each, or 800MB; undefined where it is none. */
export function memoryBytes(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?(GB|MB)$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(amount) * UNITS[unit as keyof typeof UNITS];
}
