/**
 * Constants that were tuned on an adapter: by kernel and class of shapes, kept in a file between
 * processes, and used by plans that are given no others.
 */
import { type AnyKernel, defaults, searchSpace } from "../kernels/kernel.ts";
import type { Device, Tuning } from "./device.ts";
import type { Dispatch } from "./graph.ts";

type Consts = Readonly<Record<string, number>>;
type Described = Pick<Dispatch, "kernel" | "params" | "options">;
/** Tunings of one adapter, by class of shapes. */
type Tunings = Readonly<Record<string, Tuning>>;

const FILE = "tuned.json";
const FORMAT = 1; // of the file; another one's is not read
const EXACT = 8; // sizes up to here are a class each

/** A size's class: itself when small, else the nearest power of two. */
export function sizeClass(size: number): number {
  return size <= EXACT ? size : 2 ** Math.round(Math.log2(size));
}

const listOf = (values: Consts) =>
  Object.entries(values).map(([name, value]) => `${name}=${value}`);

/**
 * What a dispatch has in common with those that the same constants suit: the kernel, its options,
 * and the class of each integer parameter; `softmax rows=4096 cols=64 VECTOR=4 …`.
 */
export function shapeClass({ kernel, params, options }: Described): string {
  const sizes = Object.entries(kernel.params)
    .filter(([, type]) => type !== "f32")
    .map(([name]): [string, number] => [name, sizeClass(params[name] as number)]);
  const fixed = { ...defaults({ consts: {}, options: kernel.options }), ...options };
  return [kernel.name, ...listOf(Object.fromEntries(sizes)), ...listOf(fixed)].join(" ");
}

/** The constants of a kernel when nothing was tuned. */
export function defaultConsts({ kernel, params }: Pick<Dispatch, "kernel" | "params">): Consts {
  const first = defaults({ consts: kernel.consts, options: {} });
  const fitted = Object.entries(kernel.fit?.(params as never) ?? {});
  return { ...first, ...Object.fromEntries(fitted.filter(([name]) => name in kernel.consts)) };
}

/** Every choice of the constants that its sizes leave free, each once, the default first. */
export function candidatesOf(dispatch: Pick<Dispatch, "kernel" | "params">): Consts[] {
  const { kernel } = dispatch;
  const first = defaultConsts(dispatch);
  const usual = defaults({ consts: kernel.consts, options: {} });
  const fitted = Object.entries(first).filter(([name, value]) => value !== usual[name]);
  const others = searchSpace(kernel).map((c) => ({ ...c, ...Object.fromEntries(fitted) }));
  const all = [first, ...others].filter((c) => kernel.valid?.(c as never) ?? true);
  return [...new Map(all.map((consts) => [listOf(consts).join(" "), consts])).values()];
}

/** SHA-256 of a text, in hexadecimal digits. */
export async function textHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
}

const hashes = new WeakMap<AnyKernel, Promise<string>>();

/** SHA-256 of a kernel's complete WGSL text, so that a kernel that was edited is tuned anew. */
export function sourceHash(device: Device, kernel: AnyKernel): Promise<string> {
  const known = hashes.get(kernel);
  if (known) return known;
  const hash = device.source(kernel).then(textHash);
  hashes.set(kernel, hash);
  return hash;
}

/** The constants that were tuned for a dispatch; none if none were, or for another text. */
export async function tunedConsts(device: Device, dispatch: Described): Promise<Consts> {
  const tuning = device.tuned.get(shapeClass(dispatch));
  if (!tuning || tuning.source !== (await sourceHash(device, dispatch.kernel))) return {};
  const chosen = listOf(tuning.consts).join(" ");
  return candidatesOf(dispatch).find((consts) => listOf(consts).join(" ") === chosen) ?? {};
}

/** The adapter and its driver, as tunings are filed. */
export function adapterKey({ gpu, name, subgroupSize }: Device): string {
  const { vendor, architecture, device } = gpu.adapterInfo;
  const subgroups = subgroupSize > 0 ? `subgroups of ${subgroupSize}` : "";
  return [vendor, architecture, device, name, subgroups].filter(Boolean).join(" · ");
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTuning = (value: unknown): value is Tuning =>
  isRecord(value) &&
  typeof value.source === "string" &&
  isRecord(value.consts) &&
  Object.values(value.consts).every((number) => typeof number === "number");

/**
 * The tunings in a file's text, by adapter.
 *
 * @throws  Error when it is not such a text
 */
export function parseTuned(text: string): Record<string, Tunings> {
  const fault = (found: string) =>
    new Error(
      `tuned: the file must be what "roclip tune" writes; ${found}; delete it, or tune again`,
    );
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw fault(error instanceof Error ? error.message : String(error));
  }
  if (!isRecord(file) || file.format !== FORMAT || !isRecord(file.adapters))
    throw fault(`its format is not ${FORMAT}`);
  for (const [adapter, tunings] of Object.entries(file.adapters))
    if (!isRecord(tunings) || !Object.values(tunings).every(isTuning))
      throw fault(`what it holds for ${adapter} are no tunings`);
  return file.adapters as Record<string, Tunings>;
}

/**
 * Let plans on this device use what was tuned for its adapter.
 *
 * @returns  how many tunings there are, and what was wrong with the file if it could not be read
 */
export async function loadTuned(device: Device): Promise<{ count: number; fault?: string }> {
  try {
    const text = await device.files.read(FILE);
    const tunings = text === undefined ? {} : (parseTuned(text)[adapterKey(device)] ?? {});
    for (const [shape, tuning] of Object.entries(tunings)) device.tuned.set(shape, tuning);
    return { count: device.tuned.size };
  } catch (error) {
    return { count: 0, fault: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Keep tunings for this device's adapter, beside those that are there, and let plans use them.
 *
 * @returns  where they are kept
 */
export async function keepTuned(device: Device, tunings: Tunings): Promise<string> {
  const text = await device.files.read(FILE).catch(() => undefined);
  let adapters: Record<string, Tunings> = {};
  try {
    if (text !== undefined) adapters = parseTuned(text);
  } catch {
    // what cannot be read is written anew
  }
  const key = adapterKey(device);
  const kept = { ...adapters, [key]: { ...adapters[key], ...tunings } };
  for (const [shape, tuning] of Object.entries(tunings)) device.tuned.set(shape, tuning);
  const file = { format: FORMAT, adapters: kept };
  return device.files.write(FILE, `${JSON.stringify(file, undefined, 1)}\n`);
}
