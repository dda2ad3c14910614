/**
 * Shapes as patterns: one call states an op's shapes, checks them and names their dimensions.
 *
 * A pattern is names separated by spaces: `D` one dimension, `*B` any number of leading ones, `3`
 * exactly that size, the empty pattern a scalar. A name has the same size wherever it stands.
 */
import type { Dtype, Tensor } from "./graph.ts";

/**
 * An operand: tensor (undefined when optional and absent), pattern, element type (f32 unless said).
 */
export type Operand = readonly [tensor: Tensor | undefined, pattern: string, dtype?: Dtype];

type Names<P extends string> = P extends `${infer Head} ${infer Rest}`
  ? Names<Head> | Names<Rest>
  : P extends "" | `${number}`
    ? never
    : P;
type Dimensions<P extends string> = {
  [N in Names<P> as N extends `*${infer Leading}` ? Leading : N]: N extends `*${string}`
    ? number[]
    : number;
};

/** A shape that breaks an op's rule. Its message is made from the op's own patterns. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** The element type that an operand of f32 or f16 must have: the one it has, or f32. */
export const floating = ({ dtype }: Tensor) => (dtype === "f16" ? "f16" : "f32");

const show = (x: Tensor) => `${x.dtype}[${x.shape.join(", ")}]`;

/**
 * The error for a broken rule, with a line for each operand.
 *
 * @param op        the op's name
 * @param rule      what does not hold, in the patterns' names
 * @param operands  as given to `match`
 */
export function shapeError(
  op: string,
  rule: string,
  operands: Readonly<Record<string, Operand>>,
): ShapeError {
  const present = Object.entries(operands).filter(([, [tensor]]) => tensor !== undefined);
  const width = (texts: string[]) => Math.max(...texts.map((t) => t.length));
  const names = width(present.map(([name]) => name));
  const shapes = width(present.map(([, [tensor]]) => show(tensor!)));
  const lines = present.map(([name, [tensor, pattern, dtype = "f32"]]) => {
    const must = `must be ${dtype === "f32" ? "" : dtype}[${pattern}]`;
    return `  ${name.padEnd(names)}  ${show(tensor!).padEnd(shapes)}  ${must}`;
  });
  return new ShapeError([`${op}: ${rule}`, ...lines].join("\n"));
}

interface Found {
  readonly size: number | readonly number[];
  readonly operand: string;
}

const same = (a: Found["size"], b: Found["size"]) =>
  Array.isArray(a) && Array.isArray(b)
    ? a.length === b.length && a.every((d, i) => d === b[i])
    : a === b;
const text = (size: Found["size"]) => (Array.isArray(size) ? `[${size.join(", ")}]` : `${size}`);

/** The sizes one operand gives to the names in its pattern, or the rule it breaks. */
function bind(name: string, [tensor, pattern]: Operand): [string, Found["size"]][] | string {
  const tokens = pattern === "" ? [] : pattern.split(" ");
  const { shape } = tensor!;
  const star = tokens.findIndex((t) => t.startsWith("*"));
  const spare = shape.length - tokens.length + (star >= 0 ? 1 : 0);
  if (star >= 0 ? spare < 0 : spare !== 0) {
    const needed = star >= 0 ? `at least ${tokens.length - 1}` : `${tokens.length}`;
    return `${name} must have ${needed} dimensions but has ${shape.length}`;
  }
  let at = 0;
  return tokens.map((token) => {
    if (!token.startsWith("*")) return [token, shape[at++]!];
    at += spare;
    return [token.slice(1), shape.slice(at - spare, at)];
  });
}

/**
 * Check operands against their patterns and name their dimensions.
 *
 * @param op        the op's name, for the message
 * @param operands  name → [tensor, pattern, dtype]
 * @returns         `{ B: number[] }` for `*B`, `{ D: number }` for `D`
 * @throws          ShapeError naming the rule and every operand
 */
export function match<const S extends Readonly<Record<string, Operand>>>(
  op: string,
  operands: S,
): Dimensions<S[keyof S][1]> {
  const found = new Map<string, Found>();
  for (const [name, operand] of Object.entries(operands)) {
    const [tensor, , dtype = "f32"] = operand;
    if (!tensor) continue;
    if (tensor.dtype !== dtype)
      throw shapeError(op, `${name} must be ${dtype} but is ${tensor.dtype}`, operands);
    const sizes = bind(name, operand);
    if (typeof sizes === "string") throw shapeError(op, sizes, operands);
    for (const [dimension, size] of sizes) {
      if (/^\d+$/.test(dimension)) {
        if (size === Number(dimension)) continue;
        throw shapeError(
          op,
          `a dimension of ${name} must be ${dimension} but is ${size}`,
          operands,
        );
      }
      const before = found.get(dimension);
      if (before && !same(before.size, size)) {
        const was = `${text(before.size)} in ${before.operand}`;
        throw shapeError(op, `${dimension} is ${was} but ${text(size)} in ${name}`, operands);
      }
      found.set(dimension, { size, operand: name });
    }
  }
  return Object.fromEntries([...found].map(([k, v]) => [k, v.size])) as Dimensions<S[keyof S][1]>;
}
