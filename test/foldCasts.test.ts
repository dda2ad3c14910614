/** Casts that kernels take over (engine/halves.ts): the same bits, fewer dispatches. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, openDevice } from "../engine/device.ts";
import { vjp } from "../engine/grad.ts";
import { constant, product, type Tensor } from "../engine/graph.ts";
import { isHalving } from "../engine/halves.ts";
import { hold } from "../engine/held.ts";
import { activate, gelu } from "../engine/ops/activation.ts";
import { add } from "../engine/ops/add.ts";
import { selfAttention } from "../engine/ops/attention.ts";
import { batchnorm } from "../engine/ops/batchnorm.ts";
import { cast } from "../engine/ops/cast.ts";
import { contrastiveLoss } from "../engine/ops/contrastiveLoss.ts";
import { conv2d } from "../engine/ops/conv2d.ts";
import { layernorm } from "../engine/ops/layernorm.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { multiply } from "../engine/ops/multiply.ts";
import { averagePool, maxPool } from "../engine/ops/pool.ts";
import { scale } from "../engine/ops/scale.ts";
import { softmax } from "../engine/ops/softmax.ts";
import { unitRows } from "../engine/ops/unitRows.ts";
import { arrange, type Program } from "../engine/outline.ts";
import { compile } from "../engine/plan.ts";
import { fold, keyOf, stream } from "../engine/random.ts";
import { HALF_BITS } from "../kernels/kernel.ts";
import { loadKernels } from "./kernels.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Normal draws, some so small that f16 holds them with fewer bits, or not at all. */
function drawn(name: string, shape: readonly number[]): Tensor {
  const draws = stream(fold(keyOf(5), name.length));
  const data = Float32Array.from({ length: product(shape) }, (_, i) =>
    i % 7 === 3 ? draws.normal() * 2 ** -(10 + (i % 19)) : draws.normal(),
  );
  return constant(data, shape);
}

const rounded = (x: Tensor) => cast(cast(x, "f16"), "f32");

/** A result rounded to f16 and read again, and gradients rounded alike. */
function programOf(y: Tensor, operands: Readonly<Record<string, Tensor>>): Program {
  const gradients = vjp([[y, drawn("cotangent", y.shape)]], Object.values(operands));
  const named = Object.keys(operands).map((name, i): [string, Tensor] => [
    `d${name}`,
    rounded(gradients[i]!),
  ]);
  return { outputs: { y: rounded(y), ...Object.fromEntries(named) } };
}

/** Parameters of a norm over so many channels. */
const affine = (width: number) => [drawn("gain", [width]), drawn("shift", [width])] as const;

/** An image of so many channels, normalised by its own statistics; x and residual are of f16. */
function normalised(width: number, residual?: Tensor): Program {
  const x = drawn("x", [3, 5, 4, width]);
  const vector = (value: number) => ({ shape: [width], data: new Float32Array(width).fill(value) });
  const running = hold(device, { mean: vector(0), variance: vector(1) });
  const options = { activation: "relu", ...(residual && { residual: rounded(residual) }) } as const;
  return programOf(batchnorm(rounded(x), ...affine(width), running, options).y, { x });
}

/** What f16 can lie between, by the width of its rows. */
const PROGRAMS: Readonly<Record<string, (width: number) => Program>> = {
  layernorm(width) {
    const x = drawn("x", [3, 7, width]);
    return programOf(layernorm(x, ...affine(width), { kept: "f16" }), { x });
  },
  batchnorm: (width) => normalised(width),
  "batchnorm with a residual": (width) => normalised(width, drawn("other", [3, 5, 4, width])),
  attention(width) {
    const x = drawn("x", [2, 9, 3, 2, width]);
    return programOf(selfAttention(x, { causal: true, kept: "f16" }), { x });
  },
  matmul(width) {
    const [x, weight, bias] = [[37, 12], [12, width], [width]].map((s, i) =>
      drawn("x".repeat(i), s),
    );
    const y = matmul(cast(x!, "f16"), cast(weight!, "f16"), { bias, activation: "gelu" });
    return programOf(y, { x: x!, weight: weight! });
  },
  conv2d(width) {
    const [x, weight] = [drawn("x", [2, 9, 7, width]), drawn("weight", [3, 3, width, width])];
    const y = conv2d(cast(x, "f16"), cast(weight, "f16"), { padding: 1 });
    return programOf(y, { x, weight });
  },
  "the rows of an image": (width) => {
    const x = drawn("x", [3, 6, 4, width]);
    const pooled = maxPool(rounded(averagePool(rounded(x), { size: 2 })), { size: [2, 1] });
    return programOf(pooled, { x });
  },
  "elementwise ops": (width) => {
    const [x, y] = [drawn("x", [5, 3, width]), drawn("other", [3, width])];
    const sum = rounded(add(rounded(x), rounded(y)));
    const scaled = rounded(scale(rounded(multiply(sum, rounded(y))), -1.5));
    return programOf(activate("gelu", scaled), { x, y });
  },
  unitRows(width) {
    const x = drawn("x", [9, width]);
    return programOf(unitRows(rounded(x)), { x });
  },
  contrastiveLoss(width) {
    const [images, texts] = [drawn("images", [37, width]), drawn("captions", [37, width])];
    const ids = constant(
      Uint32Array.from({ length: 37 }, (_, i) => i % 31),
      [37],
    );
    const [near, far] = [rounded(unitRows(images)), rounded(unitRows(texts))];
    return programOf(
      contrastiveLoss(near, far, constant(Float32Array.of(2), []), { positives: ids }),
      {
        images,
        texts,
      },
    );
  },
  /** Without gradients, which would read what is rounded. */
  "rows in evaluation": (width) => {
    const x = drawn("x", [7, width]);
    const normed = rounded(layernorm(rounded(x), ...affine(width)));
    const unit = rounded(unitRows(normed));
    return { outputs: { y: rounded(softmax(unit, { mask: rounded(drawn("mask", [width])) })) } };
  },
  "attention in evaluation": (width) => {
    const x = rounded(drawn("x", [2, 9, 3, 2, width]));
    return { outputs: { y: rounded(selfAttention(x)) } };
  },
};
const WIDTHS = [5, 8, 36];

async function outputsOn(on: Device, program: Program) {
  const plan = await compile(on, program, { guard: true });
  plan.run();
  const outputs = await plan.read();
  expect(await plan.overruns()).toEqual([]);
  plan.destroy();
  return outputs;
}

/** The options by which dispatches have f16, as "kernel.OPTION". */
function halved(program: Program): string[] {
  return arrange(program, true).order.flatMap(({ kernel, options }) =>
    Object.keys(options)
      .filter((name) => isHalving(name) && options[name] === HALF_BITS)
      .map((name) => `${kernel.name}.${name}`),
  );
}

describe("casts that kernels take over", () => {
  for (const [name, make] of Object.entries(PROGRAMS))
    it(`leave every bit of ${name} as it was`, async () => {
      for (const width of WIDTHS) {
        const folded = await outputsOn(device, make(width));
        expect(folded, `${width}`).toEqual(
          await outputsOn({ ...device, half: false }, make(width)),
        );
      }
    });

  it("are all that kernels offer", async () => {
    const taken = new Set(Object.values(PROGRAMS).flatMap((make) => halved(make(8))));
    const offered = (await loadKernels()).flatMap(({ name, options }) =>
      Object.keys(options)
        .filter(isHalving)
        .map((option) => `${name}.${option}`),
    );
    expect([...taken].sort()).toEqual(offered.sort());
  });

  it("are none whose f32 someone reads", () => {
    const x = drawn("x", [6, 8]);
    const y = layernorm(x, ...affine(8));
    const names = (outputs: Program["outputs"]) =>
      arrange({ outputs }, true).order.map(({ kernel }) => kernel.name);
    expect(names({ half: rounded(y) })).toEqual(["layernorm", "cast_to_f32"]);
    const both = ["layernorm", "cast_to_f16", "cast_to_f32"];
    expect(names({ half: rounded(y), y })).toEqual(both);
    expect(names({ half: rounded(y), other: gelu(y) })).toEqual([...both, "activation"]);
  });
});
