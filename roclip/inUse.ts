/** The weights that products are made with, where those are of f16 (`precision` "amp"). */
import { cast, mapTree, type Tensor } from "../engine/index.ts";
import type { HeldState } from "./model.ts";
import type { Config } from "./schema.ts";

/** Matrices that are looked up or added, not multiplied with. */
const ADDED = /\b(tokens|positions)$/;

/**
 * The parameters of a model as a step uses them: with "amp", the matrices and filters that products
 * are made with are rounded to f16, and so is what they are multiplied with (`matmul`, `conv2d`).
 * Gradients flow through to the parameters, which stay f32.
 *
 * @see Micikevicius et al. 2018, arXiv:1710.03740, §3.1
 */
export function inUse({ precision }: Config, params: HeldState["params"]): HeldState["params"] {
  if (precision === "fp32") return params;
  return mapTree(params, (parameter: Tensor, path) =>
    parameter.shape.length >= 2 && !ADDED.test(path) ? cast(parameter, "f16") : parameter,
  ) as HeldState["params"];
}
