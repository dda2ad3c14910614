/** A ladder's rungs: held against the op's definition, timed in turns, compiled for a GPU. */
import type { Device } from "../../engine/device.ts";
import { type HostArray, product, type Tensor } from "../../engine/graph.ts";
import { hold, release } from "../../engine/held.ts";
import { compile, type Plan } from "../../engine/plan.ts";
import type { Step } from "../../engine/steps.ts";
import { type Array64, type Case, named, operandData, type Shapes } from "../../test/case.ts";
import { worstError } from "../../test/check.ts";
import { deciles, timePlans } from "../harness.ts";
import { parseAssembly } from "../isa/assembly.ts";
import { type IsaRow, isaRow } from "../isa/bound.ts";
import { compileFor, type Radv } from "../isa/radv.ts";
import { defaultShader } from "../isa/variants.ts";
import { quickNormals, quickStream } from "../quickStream.ts";
import type { Ladder, Rung } from "./rungs.ts";

const MS_PER_S = 1000;
const GIGA = 1e9;

/** The GPU that rungs are compiled for. */
export const TARGET = "navi31";

/** What a GPU's compiler makes of a rung's main kernel. */
export type RungCode = Pick<
  IsaRow,
  "fmaShare" | "ldsBytesPerFma" | "memoryBytesPerFma" | "vgprs" | "spills" | "wavesPerSimd" | "wave"
>;

/** A rung, as `--json` writes it. */
export interface RungRow {
  readonly op: string;
  readonly rung: string;
  /** The kernel that does most of the arithmetic. */
  readonly kernel: string;
  readonly shape: string;
  /** Median and deciles of all dispatches of a run together. */
  readonly ms: number;
  readonly p10: number;
  readonly p90: number;
  readonly gflops: number;
  /** Null where the kernel is not for GPUs, or there is no compiler. */
  readonly code: RungCode | null;
}

const compileRung = (device: Device, { run, subgroups = false }: Rung, operands: Operands) =>
  compile(device, { outputs: named<Tensor>(run(operands)) }, { subgroups });

type Operands = Readonly<Record<string, Tensor>>;

function holdData(device: Device, definition: Case, shapes: Shapes<string>) {
  const data = operandData(definition, shapes);
  const arrays = Object.entries(data).map(([name, values]): [string, HostArray] => [
    name,
    { shape: shapes[name]!, data: values },
  ]);
  const exact = Object.entries(data).map(([name, values]): [string, Array64] => [
    name,
    { shape: shapes[name]!, data: Float64Array.from(values) },
  ]);
  const operands = hold(device, Object.fromEntries(arrays)) as Record<string, Tensor>;
  return { operands, exact: Object.fromEntries(exact) };
}

/** A rung against float64 at one of a case's shapes. */
async function checkShape(device: Device, rung: Rung, definition: Case, shapes: Shapes<string>) {
  const { operands, exact } = holdData(device, definition, shapes);
  const plan = await compileRung(device, rung, operands);
  try {
    plan.run();
    const expected = named<Array64>(definition.reference(exact));
    for (const [name, found] of Object.entries(await plan.read())) {
      const { error, text } = worstError(found, expected[name]!.data);
      if (error > definition.tolerance.relative)
        throw new Error(
          `ladder: every rung must agree with float64 to ${definition.tolerance.relative}; ` +
            `"${rung.name}" gives ${name}${text} for ${JSON.stringify(shapes)}; see its WGSL`,
        );
    }
  } finally {
    plan.destroy();
    release(device, operands);
  }
}

/**
 * Hold a rung against the definition of its op, at every shape of the op's tests.
 *
 * @throws  Error naming the rung, the shape and the worst element
 */
export async function checkRung(device: Device, { cases }: Ladder, rung: Rung): Promise<void> {
  for (const definition of cases)
    for (const shapes of definition.shapes) await checkShape(device, rung, definition, shapes);
}

const flopsOf = ({ dispatch: { kernel, params }, consts }: Step): number =>
  kernel.cost({ ...params, ...consts } as never).flops;

/** The step of a plan that does most of the arithmetic. */
const mainStep = ({ steps }: Plan): Step =>
  steps.reduce((most, step) => (flopsOf(step) > flopsOf(most) ? step : most));

/** The rung's kernel through the GPU's compiler; null where a rung is for narrow subgroups only. */
async function codeOf(radv: Radv | undefined, { dispatch }: Step): Promise<RungCode | null> {
  if (!radv || dispatch.kernel.name.endsWith("_subgroups")) return null;
  const shader = await defaultShader(dispatch);
  const [printed] = await compileFor(radv, TARGET, [shader]);
  const row = await isaRow(shader, TARGET, parseAssembly(printed!.text));
  const { fmaShare, ldsBytesPerFma, memoryBytesPerFma, vgprs, spills, wavesPerSimd, wave } = row;
  return { fmaShare, ldsBytesPerFma, memoryBytesPerFma, vgprs, spills, wavesPerSimd, wave };
}

/** The plans of a ladder's rungs; the last is left out where it is the one before it. */
async function plansOf(device: Device, { rungs }: Ladder, operands: Operands) {
  const built: { rung: Rung; plan: Plan }[] = [];
  for (const rung of rungs) {
    const plan = await compileRung(device, rung, operands);
    const before = built.at(-1);
    if (before && mainStep(before.plan).label === mainStep(plan).label) plan.destroy();
    else built.push({ rung, plan });
  }
  return built;
}

/**
 * Time the rungs of a ladder in turns, and compile them for a GPU.
 *
 * @param seconds  how long to repeat, for each distinct dispatch
 * @param radv     the compiler, where it is installed
 */
export async function measureLadder(
  device: Device,
  ladder: Ladder,
  seconds: number,
  radv?: Radv,
): Promise<RungRow[]> {
  const arrays = Object.entries(ladder.shapes).map(([name, shape], i): [string, HostArray] => {
    return [name, { shape, data: quickNormals(product(shape), quickStream(i + 1)) }];
  });
  const operands = hold(device, Object.fromEntries(arrays)) as Record<string, Tensor>;
  const built = await plansOf(device, ladder, operands);
  const plans = built.map(({ plan }) => plan);
  try {
    const times = await timePlans(plans, seconds);
    const rows: RungRow[] = [];
    for (const [i, { rung, plan }] of built.entries()) {
      const { p10, median: ms, p90 } = deciles(times[i]!.totalsMs);
      const main = mainStep(plan);
      const shape = Object.values(ladder.shapes).map((sizes) => sizes.join("×"));
      rows.push({
        ...{ op: ladder.op, rung: rung.name, kernel: main.dispatch.kernel.name },
        ...{ shape: shape.join(" · "), ms, p10, p90 },
        gflops: (flopsOf(main) * MS_PER_S) / ms / GIGA,
        code: await codeOf(radv, main),
      });
    }
    return rows;
  } finally {
    for (const plan of plans) plan.destroy();
    release(device, operands);
  }
}
