/**
 * A kernel is data: a WGSL file and the record that says how to bind, size and launch it.
 *
 * The record's keys are types, so a launch that misses a binding or a parameter does not compile.
 * `test/contracts.test.ts` holds every record against its WGSL.
 */

/** Scalar types a field of `struct Params` may have. */
export type ParamType = "u32" | "i32" | "f32";

/**
 * How a dispatch uses a buffer: `read` it, `write` all of it (its old content is undefined), or
 * `update` it in place (reads what was there). Both of the latter are `read_write` in WGSL.
 */
export type Access = "read" | "write" | "update";

/** Arithmetic and memory traffic that the computation needs at least; what a roofline uses. */
export interface Cost {
  /** Floating-point operations; a multiply-add counts two. */
  readonly flops: number;
  /** Bytes of all operands, each read or written once. */
  readonly bytes: number;
}

type Numbers<Keys> = { readonly [K in keyof Keys]: number };

/** The record beside a `.wgsl` file. Bindings are numbered in order from 1; `params` is 0. */
export interface Kernel<
  Bindings extends Record<string, Access> = Record<string, Access>,
  Params extends Record<string, ParamType> = Record<string, ParamType>,
  Consts extends Record<string, readonly number[]> = Record<string, readonly number[]>,
  Options extends Record<string, readonly number[]> = Record<string, readonly number[]>,
> {
  /** Unique; the folder's name, or begins with it. */
  readonly name: string;
  readonly source: URL;
  /** Files of `kernels/lib` whose functions the source calls; appended to it. */
  readonly uses: readonly string[];
  readonly bindings: Bindings;
  /** The fields of `struct Params`, in its order. */
  readonly params: Params;
  /**
   * Constants that change speed only; the lists are the tuner's whole search space, first =
   * default.
   */
  readonly consts: Consts;
  /**
   * Those of `consts` that change the order of a sum, and so its last bits. Choices that agree in
   * them give the same bits.
   */
  readonly reorders?: readonly (keyof Consts & string)[];
  /** Constants that change the result (an epilogue, a layout); the op chooses, first = default. */
  readonly options: Options;
  /**
   * What to use instead where every subgroup has `size` threads: files of `kernels/lib` that define
   * the same functions by subgroup operations, and constants. Undefined where that gains nothing.
   */
  readonly subgroups?: (size: number) =>
    | {
        readonly uses: readonly string[];
        readonly consts: { readonly [K in keyof Consts]: readonly number[] };
        readonly valid?: (consts: Numbers<Consts>) => boolean;
        readonly fit?: (params: Numbers<Params>) => Readonly<Record<string, number>>;
      }
    | undefined;
  /**
   * What to use instead where operands are f16 and a subgroup multiplies 16 × 16 matrices of them:
   * `uses` but for the files that define those matrices (`MATRICES_BY`), and constants.
   */
  readonly matrices?: {
    readonly uses: readonly string[];
    readonly consts: { readonly [K in keyof Consts]: readonly number[] };
    readonly valid?: (consts: Numbers<Consts>) => boolean;
  };
  /**
   * Bindings that may be larger than what a device binds at once: rows, of which one window after
   * another is bound. Its first row and the number of its rows are the parameters `window_first`
   * and `window_rows`, for which an op gives 0 and all.
   */
  readonly window?: {
    readonly of: readonly (keyof Bindings & string)[];
    /** Windows begin at multiples of so many rows: of `WINDOW_STEP`, or a multiple of it. */
    readonly step?: (params: Numbers<Params>) => number;
  };
  /** Which combinations of `consts` are meant to work; all when absent. */
  readonly valid?: (consts: Numbers<Consts>) => boolean;
  /** Constants that follow from the sizes: how wide loads may be, a tile for a narrow matrix. */
  readonly fit?: (params: Numbers<Params>) => Readonly<Record<string, number>>;
  /** Workgroups in x, y, z. */
  readonly grid: (args: Numbers<Params> & Numbers<Consts> & Numbers<Options>) => readonly number[];
  readonly cost: (args: Numbers<Params> & Numbers<Options>) => Cost;
}

/** A kernel whose names the type system has forgotten, as the planner sees it. */
// The arguments of `grid`, `cost`, `valid` and `fit` are contravariant, hence the loosened copies.
export type AnyKernel = Omit<
  Kernel,
  "grid" | "cost" | "valid" | "fit" | "subgroups" | "matrices" | "window"
> & {
  readonly grid: (args: never) => readonly number[];
  readonly cost: (args: never) => Cost;
  readonly valid?: (consts: never) => boolean;
  readonly fit?: (params: never) => Readonly<Record<string, number>>;
  readonly subgroups?: (
    size: number,
  ) => Pick<AnyKernel, "uses" | "consts" | "valid" | "fit"> | undefined;
  readonly matrices?: Pick<AnyKernel, "uses" | "consts" | "valid">;
  readonly window?: {
    readonly of: readonly string[];
    readonly step?: (params: never) => number;
  };
};

/** Rows of words that end where WebGPU lets a binding begin (every 256 bytes). */
export const WINDOW_STEP = 64;

/** Bytes of one f32 or u32 element. */
export const WORD_BYTES = 4;

/** Bits of an f16 element: what the constant ELEMENT is where a kernel's `Elem` is f16. */
export const HALF_BITS = 16;

/**
 * Choices of an option ELEMENT or ELEMENT_…: bits of an element. A binding `x` that has the option
 * ELEMENT_X can take the place of a cast (engine/halves.ts).
 */
export const ELEMENT = [32, HALF_BITS] as const;

/** WebGPU's guaranteed `maxComputeWorkgroupsPerDimension`. */
const MAX_WORKGROUPS = 65535;

/** Sizes of narrow subgroups: those of SwiftShader and of llvmpipe. */
const NARROW_SUBGROUPS = [4, 8];

/** Whether subgroups of this size are a software adapter's. */
export const isNarrow = (size: number): boolean => NARROW_SUBGROUPS.includes(size);

/** The `subgroups` of a kernel whose variant is meant for narrow subgroups only. */
export const narrowSubgroups =
  <Variant>(variant: (size: number) => Variant) =>
  (size: number): Variant | undefined =>
    isNarrow(size) ? variant(size) : undefined;

/** State a kernel record with its names as types; `options` may be left out. */
export function defineKernel<
  const Bindings extends Record<string, Access>,
  const Params extends Record<string, ParamType>,
  const Consts extends Record<string, readonly number[]>,
  const Options extends Record<string, readonly number[]> = Record<never, never>,
>(
  record: Omit<Kernel<Bindings, Params, Consts, Options>, "options"> & { options?: Options },
): Kernel<Bindings, Params, Consts, Options> {
  return { ...record, options: record.options ?? ({} as Options) };
}

/**
 * A grid of at least `count` workgroups within the limit of 65535 per dimension. The kernel's index
 * is `linear_workgroup(workgroup_id, num_workgroups)` (kernels/lib/index.wgsl) and it must ignore
 * indices from `count` on.
 */
export function spread(count: number): readonly [number, number] {
  const x = Math.min(Math.max(count, 1), MAX_WORKGROUPS);
  return [x, Math.ceil(Math.max(count, 1) / x)];
}

/**
 * The names of the types that a constant changes: all Vectors of VECTOR, VectorLeft of VECTOR_LEFT,
 * Elem of ELEMENT, ElemX of ELEMENT_X.
 */
function aliasOf(name: string): string {
  if (name === "VECTOR") return "Vector\\w*";
  const words = name
    .replace(/^ELEMENT/, "ELEM")
    .split("_")
    .map((word) => `${word[0]}${word.slice(1).toLowerCase()}`);
  return words.join("");
}

/**
 * Replace the numbers in `const NAME: u32 = n;` lines: the only edit ever made to a WGSL text, save
 * that `VECTOR` also sets how many elements every `alias Vector… = f32;` (or u32, Elem…) line stands
 * for, and `VECTOR_LEFT` the line of VectorLeft, so that one file is the scalar kernel and, where the
 * shape allows it, the vec4 one; and that `ELEMENT` 16 makes the line `alias Elem = f32;` one of f16,
 * and `ELEMENT_X` that of ElemX.
 *
 * @throws  Error when a constant has no such line
 */
export function specialise(source: string, consts: Readonly<Record<string, number>>): string {
  let text = source;
  for (const [name, value] of Object.entries(consts)) {
    const line = new RegExp(`^(const ${name}: u32 = )\\d+(u?;)`, "m");
    if (!line.test(text))
      throw new Error(
        `specialise: the source must hold a line "const ${name}: u32 = <number>;"; ` +
          "none was found; add the line or remove the constant from the record",
      );
    text = text.replace(line, `$1${value}$2`);
    if (name.startsWith("VECTOR") && value > 1) {
      const alias = new RegExp(`^(alias ${aliasOf(name)} = )(f32|u32|Elem\\w*);`, "gm");
      text = text.replace(alias, `$1vec${value}<$2>;`);
    }
    if (name.startsWith("ELEMENT") && value === HALF_BITS) {
      const alias = new RegExp(`^(alias ${aliasOf(name)} = )f32;`, "m");
      text = text.replace(alias, "$1f16;").replace(/^(?!enable f16;)/, "enable f16;\n");
    }
  }
  return text;
}

/** The widest choice of a kernel's VECTOR that divides rows of this many elements. */
export function vectorWidth(elements: number): number {
  return elements % 4 === 0 ? 4 : 1;
}

const adapted = new WeakMap<AnyKernel, Map<number | string, AnyKernel>>();

/** A kernel's variant for an adapter, made once. */
function remembered(kernel: AnyKernel, key: number | string, make: () => object): AnyKernel {
  const known = adapted.get(kernel)?.get(key);
  if (known) return known;
  const variant = make() as AnyKernel;
  adapted.set(kernel, (adapted.get(kernel) ?? new Map()).set(key, variant));
  return variant;
}

/** The kernel as it is used where every subgroup has `size` threads; always the same object. */
export function forSubgroups(kernel: AnyKernel, size: number): AnyKernel {
  return remembered(kernel, size, () => {
    const changes = kernel.subgroups?.(size);
    const base = { ...kernel, valid: undefined, fit: undefined };
    return changes ? { ...base, ...changes, name: `${kernel.name}_subgroups` } : kernel;
  });
}

/**
 * Files of `kernels/lib` that multiply the matrices of `Kernel.matrices`, with the entry point: a
 * subgroup's matrix unit, or plain threads, which are slow but need nothing.
 */
const MATRICES_BY = {
  subgroup: ["matrix_subgroup"],
  threads: ["matrix_threads", "product_entry"],
} as const;

/** Who multiplies 16 × 16 matrices. */
export type MatricesBy = keyof typeof MATRICES_BY;

/** The kernel that multiplies matrices of f16, if there is one; always the same object. */
export function forMatrices(kernel: AnyKernel, by: MatricesBy): AnyKernel | undefined {
  const { matrices } = kernel;
  if (!matrices) return undefined;
  const name = `${kernel.name}_matrices${by === "subgroup" ? "" : "_threads"}`;
  return remembered(kernel, by, () => ({
    ...kernel,
    valid: undefined,
    ...matrices,
    uses: [...matrices.uses, ...MATRICES_BY[by]],
    name,
  }));
}

/** The default constants and options of a kernel: the first of each list. */
export function defaults(kernel: Pick<AnyKernel, "consts" | "options">): Record<string, number> {
  const first = ([name, values]: [string, readonly number[]]): [string, number] => [
    name,
    values[0] as number,
  ];
  return Object.fromEntries(
    [...Object.entries(kernel.consts), ...Object.entries(kernel.options)].map(first),
  );
}

/**
 * Every combination of `consts` that `valid` allows: what the tuner may pick and tests must cover.
 */
export function searchSpace(kernel: AnyKernel): Record<string, number>[] {
  let choices: Record<string, number>[] = [{}];
  for (const [name, values] of Object.entries(kernel.consts))
    choices = choices.flatMap((c) => values.map((v) => ({ ...c, [name]: v })));
  return kernel.valid ? choices.filter((c) => kernel.valid?.(c as never)) : choices;
}
