/** Which shaders are compiled: every kernel, with every choice of constants of ops and tuner. */
import { readText } from "../../engine/adapter.ts";
import { sourceOf } from "../../engine/device.ts";
import { type Dispatch, state, type Tensor } from "../../engine/graph.ts";
import { isHalving } from "../../engine/halves.ts";
import { orderDispatches } from "../../engine/order.ts";
import { arrange } from "../../engine/outline.ts";
import { textHash } from "../../engine/tuned.ts";
import {
  type AnyKernel,
  defaults,
  forMatrices,
  forSubgroups,
  HALF_BITS,
  searchSpace,
} from "../../kernels/kernel.ts";
import { parseConfig } from "../../roclip/config.ts";
import { DEMO } from "../../roclip/configs/demo.ts";
import { describeState } from "../../roclip/model.ts";
import { programOf as programOfRun } from "../../roclip/programs.ts";
import type { Case } from "../../test/case.ts";
import { programOf, type Subject, subjectsOf } from "../ops.ts";
import { quickStream } from "../quickStream.ts";

/** A WGSL text to compile, and what to call it. */
export interface Shader {
  /** The library that it is of; ours where left out. */
  readonly peer?: string;
  readonly kernel: string;
  readonly variant: string;
  readonly code: string;
  readonly entryPoint: string;
  /** Values of `override` constants. */
  readonly constants: Readonly<Record<string, number>>;
}

const HASH_DIGITS = 16; // of SHA-256: enough to tell texts of one kernel apart

/** A shader's text in short, which any edit of it changes. */
export const shaderHash = async ({ code }: Pick<Shader, "code">): Promise<string> =>
  (await textHash(code)).slice(0, HASH_DIGITS);

/** Whether a shader needs subgroups that multiply matrices. */
export const needsMatrices = ({ code }: Shader): boolean =>
  /^enable chromium_experimental_subgroup_matrix;$/m.test(code);

type Consts = Readonly<Record<string, number>>;

/** Every choice of the tuner, or what runs before it has chosen. */
export type Choices = "all" | "default";

/** Subgroup sizes of the devices that the shim stands in for. */
const WAVES = [32, 64];

/** A kernel with constants, as a shader; `kin` are the kernels that it must not be taken for. */
async function shaderOf(kernel: AnyKernel, consts: Consts, kin = [kernel]): Promise<Shader> {
  const code = await sourceOf(kernel, consts, readText);
  const variant = variantText(kin, consts);
  return { kernel: kernel.name, variant, code, entryPoint: "main", constants: {} };
}

/** A kernel for a dispatch, untuned. */
const untuned = (kernel: AnyKernel, { params, options }: Dispatch) =>
  shaderOf(kernel, { ...defaults(kernel), ...kernel.fit?.(params as never), ...options });

/** What a dispatch runs on a device without narrow subgroups and matrices, untuned. */
export const defaultShader = (dispatch: Dispatch): Promise<Shader> =>
  untuned(dispatch.kernel, dispatch);

/** The kernel that multiplies matrices of f16 for a dispatch, if it is of those. */
const matrixKernel = ({ kernel, options }: Dispatch) =>
  options.ELEMENT === HALF_BITS ? forMatrices(kernel, "subgroup") : undefined;

/** The same, and what it runs where subgroups multiply matrices. */
function defaultShaders(dispatch: Dispatch): Promise<Shader[]> {
  const matrices = matrixKernel(dispatch);
  const all = matrices ? [untuned(matrices, dispatch)] : [];
  return Promise.all([defaultShader(dispatch), ...all]);
}

/** The dispatches of a case at some shapes, forward and backward. */
function dispatchesOf(subject: Subject): Dispatch[] {
  const { definition, shapes } = subject;
  const entries = Object.entries(shapes).map(([name, shape]): [string, Tensor] => {
    const data = definition.data?.[name]?.(shape, quickStream(1), shapes);
    return [name, state(name, shape, data instanceof Uint32Array ? "u32" : "f32")];
  });
  const zeros = ({ storage }: Tensor) => new Float32Array(storage.elements);
  const { outputs } = programOf(definition, Object.fromEntries(entries), zeros);
  return orderDispatches(Object.values(outputs));
}

/** The cases at their own, small shapes. */
const testSubjects = (cases: ReadonlyMap<string, Case>): Subject[] =>
  [...cases].flatMap(([title, definition]) =>
    definition.shapes.map((shapes) => ({ title, definition, shapes })),
  );

/** The constants by which variants of kernels of one name differ, as text; f16 where it is said. */
function variantText(kin: readonly AnyKernel[], chosen: Consts): string {
  const choices = (name: string) =>
    new Set(kin.flatMap(({ consts, options }) => ({ ...consts, ...options })[name] ?? []));
  const usual = (name: string, value: number) => isHalving(name) && value !== HALF_BITS;
  return Object.entries(chosen)
    .filter(([name, value]) => choices(name).size > 1 && !usual(name, value))
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

/** Every choice of constants for a dispatch's kernel, with the options that its op fixed. */
async function variantsOf(dispatch: Dispatch): Promise<Shader[]> {
  const { kernel: described, options } = dispatch;
  const waves = WAVES.map((wave) => forSubgroups(described, wave));
  const kernels = [...new Set([described, ...waves]), ...[matrixKernel(dispatch) ?? []].flat()];
  const shaders = kernels.flatMap((kernel) => {
    const kin = kernels.filter(({ name }) => name === kernel.name);
    return searchSpace(kernel).map((choice) => shaderOf(kernel, { ...choice, ...options }, kin));
  });
  return Promise.all(shaders);
}

/** What has taken over a cast in a step of mixed precision: kernels that read or write f16. */
function mixedDispatches(): Dispatch[] {
  const config = parseConfig({ ...DEMO, precision: "amp" });
  const state = describeState(config, config.vocabularySize, config.batch);
  const { order } = arrange(programOfRun("plain", { config, state }), true);
  return order.filter(({ options }) =>
    Object.entries(options).some(([name, value]) => isHalving(name) && value === HALF_BITS),
  );
}

/** The same shader once, in order of kernel and variant. */
export function distinct(shaders: readonly Shader[]): Shader[] {
  const key = ({ code, entryPoint, constants }: Shader) =>
    JSON.stringify([code, entryPoint, constants]);
  const found = [...new Map(shaders.map((shader) => [key(shader), shader])).values()];
  const order = new Intl.Collator("en", { numeric: true });
  return found.sort(
    (a, b) => order.compare(a.kernel, b.kernel) || order.compare(a.variant, b.variant),
  );
}

/**
 * Every kernel in every variant: the tuner's whole choice for each set of options that an op fixes
 * at a bench shape, and at the shapes of the tests for kernels that no bench shape reaches; and the
 * kernels of a step of mixed precision that read or write f16. Of the default choices only, with
 * loads as wide as those shapes allow.
 */
export async function kernelShaders(
  cases: ReadonlyMap<string, Case>,
  choices: Choices = "all",
): Promise<Shader[]> {
  const benched = subjectsOf(cases).flatMap(dispatchesOf);
  const reached = new Set(benched.map(({ kernel }) => kernel));
  const others = testSubjects(cases)
    .flatMap(dispatchesOf)
    .filter(({ kernel }) => !reached.has(kernel));
  const dispatches = [...benched, ...others, ...mixedDispatches()];
  if (choices === "default")
    return distinct((await Promise.all(dispatches.map(defaultShaders))).flat());
  return distinct((await Promise.all(dispatches.map(variantsOf))).flat());
}
