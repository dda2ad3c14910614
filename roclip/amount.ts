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
