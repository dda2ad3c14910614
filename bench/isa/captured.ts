/** Files of other libraries' shaders, which `captureShaders` caught while they ran. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../../roclip/errors.ts";
import type { Shader } from "./variants.ts";

const schema = z.array(
  z.object({
    /** The library. */
    peer: z.string(),
    op: z.string(),
    shape: z.string(),
    code: z.string(),
    entryPoint: z.string(),
    constants: z.record(z.string(), z.number()),
  }),
);

/** An entry of a captured file. */
export type Captured = z.infer<typeof schema>[number];

/** The entries as shaders to compile; several of one op and shape are numbered. */
export function capturedShaders(entries: readonly Captured[]): Shader[] {
  const counts = new Map<string, number>();
  return entries.map(({ peer, op, shape, code, entryPoint, constants }) => {
    const kernel = `${peer} ${op}`;
    const key = JSON.stringify([kernel, shape]);
    const place = (counts.get(key) ?? 0) + 1;
    counts.set(key, place);
    const variant = place === 1 ? shape : `${shape} #${place}`;
    return { kernel, variant, code, entryPoint, constants };
  });
}

/**
 * Read a file of captured shaders.
 *
 * @throws  UserError when it is missing or is not such a file
 */
export function readCaptured(path: string): Captured[] {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const found = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new UserError(
      "bench isa: --captured must be a JSON list of " +
        `{ peer, op, shape, code, entryPoint, constants }; ${path}: ${found}`,
    );
  }
}
