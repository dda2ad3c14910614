/** How full a shader's waves are: what WGSL says of its workgroup. */
import type { Shader } from "./variants.ts";

/** A shader without its names. */
export type Source = Pick<Shader, "code" | "entryPoint" | "constants">;

/** The value of a number, a constant, or a product or quotient of those; undefined of others. */
export function numberOf(expression: string, source: Source): number | undefined {
  const [first = "", ...rest] = expression.trim().split(/\s*([*/])\s*/);
  const term = (text: string): number | undefined => {
    if (/^\d+[iu]?$/.test(text)) return Number.parseInt(text, 10);
    if (!/^\w+$/.test(text)) return undefined;
    const stated = source.code.match(new RegExp(`\\b(?:const|override) ${text}\\b[^=;]*=([^;]+);`));
    return source.constants[text] ?? (stated ? numberOf(stated[1]!, source) : undefined);
  };
  let value = term(first);
  for (let at = 0; at < rest.length; at += 2) {
    const next = term(rest[at + 1]!);
    if (value === undefined || next === undefined) return undefined;
    value = rest[at] === "*" ? value * next : Math.floor(value / next);
  }
  return value;
}

/** Threads of a workgroup; undefined where WGSL states them in a way that is not followed here. */
export function threadsOf(source: Source): number | undefined {
  const sizes = source.code
    .match(/@workgroup_size\([^)]*\)[^{;]*?\bfn\s+\w+/g)
    ?.find((text) => text.endsWith(` ${source.entryPoint}`))
    ?.match(/\(([^)]*)\)/)?.[1];
  if (sizes === undefined) return undefined;
  const values = sizes
    .split(",")
    .filter((size) => size.trim() !== "")
    .map((size) => numberOf(size, source));
  return values.reduce((all, size) => (all && size ? all * size : undefined), 1);
}

/** Threads of a wave where the shader asks for a size. */
export function statedWave(source: Source): 32 | 64 | undefined {
  const size = source.code.match(/@subgroup_size\(([^)]*)\)/)?.[1];
  const wave = size === undefined ? undefined : numberOf(size, source);
  return wave === 32 || wave === 64 ? wave : undefined;
}

/** The share of the lanes that a workgroup has threads for, done `width` at a time. */
export function laneShare(threads: number, width: number): number {
  return threads / (Math.ceil(threads / width) * width);
}
