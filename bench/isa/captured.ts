/** Files of other libraries' shaders, as `bench peers --capture` writes them. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../../roclip/errors.ts";
import type { IsaRow } from "./bound.ts";
import type { Shader } from "./variants.ts";

const schema = z.object({
  /** Where they were caught: libraries ask the adapter what it can do. */
  machine: z.object({ adapter: z.string() }),
  shaders: z.array(
    z.object({
      /** The library. */
      peer: z.string(),
      op: z.string(),
      shape: z.string(),
      code: z.string(),
      entryPoint: z.string(),
      constants: z.record(z.string(), z.number()),
    }),
  ),
});

/** A captured file. */
export type CapturedFile = z.infer<typeof schema>;

/** A shader in it. */
export type Captured = CapturedFile["shaders"][number];

/**
 * The shaders to compile: of each library and op each once, named by the first shape that it was
 * used at; several of one shape are numbered.
 */
export function capturedShaders(entries: readonly Captured[]): Shader[] {
  const found = new Map<string, Shader>();
  const counts = new Map<string, number>();
  for (const { peer, op, shape, ...source } of entries) {
    const text = JSON.stringify([peer, op, source]);
    if (found.has(text)) continue;
    const key = JSON.stringify([peer, op, shape]);
    const place = (counts.get(key) ?? 0) + 1;
    counts.set(key, place);
    const variant = place === 1 ? shape : `${shape} #${place}`;
    found.set(text, { peer, kernel: op, variant, ...source });
  }
  return [...found.values()];
}

/**
 * Read a file of captured shaders.
 *
 * @throws  UserError when it is missing or is not such a file
 */
export function readCaptured(path: string): CapturedFile {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const found = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new UserError(
      `bench isa: --captured must be a file that "npm run bench -- peers --capture" wrote; ` +
        `${path}: ${found}`,
    );
  }
}

/** Whether a row's hot loop does more multiply-adds than another's; a loop goes before none. */
const isHotter = (row: IsaRow, than: IsaRow) =>
  row.where === than.where ? row.fmas > than.fmas : row.where === "loop";

/** Of some rows that with the most multiply-adds in its hot loop, the first of several. */
export function hottest(rows: readonly IsaRow[]): IsaRow | undefined {
  return rows.reduce<IsaRow | undefined>(
    (best, row) => (best === undefined || isHotter(row, best) ? row : best),
    undefined,
  );
}

/** The hottest row of each library and op, in the order of the rows. */
export function hottestOfEach(rows: readonly IsaRow[]): IsaRow[] {
  const key = ({ peer, kernel }: IsaRow) => JSON.stringify([peer, kernel]);
  return [...new Set(rows.map(key))].flatMap(
    (wanted) => hottest(rows.filter((row) => key(row) === wanted)) ?? [],
  );
}
