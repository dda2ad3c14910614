/** Rows from the cases: every dispatch, forward and backward, that their `bench` shapes reach. */
import type { Device } from "../engine/device.ts";
import { vjp } from "../engine/grad.ts";
import { constant, type HostArray, product, type Tensor } from "../engine/graph.ts";
import { hold, release } from "../engine/held.ts";
import { compile, type Program } from "../engine/plan.ts";
import type { Sample } from "../engine/roof.ts";
import { type Case, differentiable, named, type Shapes } from "../test/case.ts";
import { timePlans } from "./harness.ts";
import { quickNormals, quickStream } from "./quickStream.ts";

/** One case at one of its bench shapes. */
export interface Subject {
  /** `layernorm · ViT-B/32, batch 64`. */
  readonly title: string;
  readonly definition: Case;
  readonly shapes: Shapes<string>;
}

/** Every bench shape of every case. */
export function subjectsOf(cases: ReadonlyMap<string, Case>): Subject[] {
  return [...cases].flatMap(([op, definition]) =>
    Object.entries(definition.bench ?? {}).map(([name, shapes]) => ({
      title: `${op} · ${name}`,
      definition,
      shapes,
    })),
  );
}

/** Operands as the case describes them, from quick draws. */
function operandArrays({ definition, shapes }: Subject): Record<string, HostArray> {
  const entries = Object.entries(shapes).map(([name, shape], place): [string, HostArray] => {
    const draws = quickStream(place + 1);
    const make = definition.data?.[name];
    const data = make?.(shape, draws, shapes) ?? quickNormals(product(shape), draws);
    return [name, { shape, data }];
  });
  return Object.fromEntries(entries);
}

const normalCotangent = ({ storage }: Tensor, place: number) =>
  quickNormals(storage.elements, quickStream(-1 - place));

/**
 * All outputs of a case and, from constant cotangents, all its gradients.
 *
 * @param cotangent  the data of an output's cotangent
 */
export function programOf(
  definition: Case,
  operands: Readonly<Record<string, Tensor>>,
  cotangent: (y: Tensor, place: number) => Float32Array = normalCotangent,
): Program {
  const outputs = named<Tensor>(definition.run(operands));
  const pairs = Object.values(outputs)
    .filter((y) => y.gradient)
    .map((y, place): [Tensor, Tensor] => [y, constant(cotangent(y, place), y.shape)]);
  const wrt = differentiable(definition, operands);
  const gradients = vjp(
    pairs,
    wrt.map((name) => operands[name]!),
  );
  const reached = wrt.flatMap((name, i): [string, Tensor][] =>
    gradients[i] ? [[`d${name}`, gradients[i]]] : [],
  );
  return { outputs: { ...outputs, ...Object.fromEntries(reached) } };
}

/**
 * Time every dispatch of a case, forward and backward.
 *
 * @param seconds  how long to repeat, for each distinct dispatch
 */
export async function timeSubject(
  device: Device,
  subject: Subject,
  seconds: number,
): Promise<readonly Sample[]> {
  const operands = hold(device, operandArrays(subject)) as Record<string, Tensor>;
  try {
    const plan = await compile(device, programOf(subject.definition, operands));
    const [times] = await timePlans([plan], seconds);
    plan.destroy();
    return times!.samples;
  } finally {
    release(device, operands);
  }
}
