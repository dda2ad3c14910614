/** Convolutions of ResNet-50 and of the demonstration's image tower, forward and with gradients. */
import { vjp } from "../../../engine/grad.ts";
import type { HostArray, Tensor } from "../../../engine/graph.ts";
import { conv2d } from "../../../engine/ops/conv2d.ts";
import type { Jax, JaxArray } from "../engines/jaxTypes.ts";
import type { OnnxModel } from "../engines/onnx.ts";
import type { Tf, TfTensor } from "../engines/tfjsTypes.ts";
import type { Expected, Job, Named } from "../job.ts";
import { normals, sampled, total } from "./operands.ts";

interface Size {
  readonly name: string;
  /** [B, h, w, c] */
  readonly x: readonly [number, number, number, number];
  /** Edge of the kernels and channels that they make. */
  readonly r: number;
  readonly o: number;
  readonly stride?: 1 | 2;
}

const SIZES: readonly Size[] = [
  { name: "ResNet-50 stage 1", x: [4, 56, 56, 64], r: 3, o: 64 },
  { name: "ResNet-50 stage 2", x: [4, 28, 28, 128], r: 3, o: 128 },
  { name: "ResNet-50 stage 3", x: [4, 14, 14, 256], r: 1, o: 1024 },
  { name: "tower", x: [64, 16, 16, 32], r: 3, o: 32 },
  { name: "tower, halving", x: [128, 8, 8, 16], r: 3, o: 16, stride: 2 },
];

/** Everything that the engines and the reference need of a size. */
function geometryOf({ x, r, o, stride = 1 }: Size) {
  const [B, h, w, c] = x;
  const padding = (r - 1) / 2;
  const [hOut, wOut] = [h, w].map((n) => Math.floor((n + 2 * padding - r) / stride) + 1);
  const shapes = { x, weight: [r, r, c, o], dy: [B, hOut!, wOut!, o] };
  return { B, h, w, c, r, o, stride, padding, hOut: hOut!, wOut: wOut!, shapes };
}
type Geometry = ReturnType<typeof geometryOf>;

/** Where pixel and tap meet: the input's coordinate, undefined outside the image. */
function inputAt({ stride, padding, h }: Geometry, out: number, tap: number): number | undefined {
  const at = out * stride + tap - padding;
  return at < 0 || at >= h ? undefined : at;
}

function expectedY(g: Geometry, { x, weight }: Named<HostArray>): Expected {
  const { r, c, o, h, w, hOut, wOut, shapes } = g;
  return sampled("y", shapes.dy, (index) => {
    const [n, j] = [index % o, Math.floor(index / o) % wOut];
    const i = Math.floor(index / (o * wOut)) % hOut;
    const b = Math.floor(index / (o * wOut * hOut));
    return total(r * r, (tap) => {
      const [row, col] = [inputAt(g, i, Math.floor(tap / r)), inputAt(g, j, tap % r)];
      if (row === undefined || col === undefined) return 0;
      const first = ((b * h + row) * w + col) * c;
      return total(c, (k) => x!.data[first + k]! * weight!.data[(tap * c + k) * o + n]!);
    });
  });
}

function expectedDx(g: Geometry, { weight, dy }: Named<HostArray>): Expected {
  const { r, c, o, h, w, hOut, wOut, stride, padding, shapes } = g;
  return sampled("dx", shapes.x, (index) => {
    const [k, col] = [index % c, Math.floor(index / c) % w];
    const row = Math.floor(index / (c * w)) % h;
    const b = Math.floor(index / (c * w * h));
    return total(r * r, (tap) => {
      const i = (row + padding - Math.floor(tap / r)) / stride;
      const j = (col + padding - (tap % r)) / stride;
      const inside = i >= 0 && i < hOut && j >= 0 && j < wOut;
      if (!inside || !Number.isInteger(i) || !Number.isInteger(j)) return 0;
      const first = ((b * hOut + i) * wOut + j) * o;
      return total(o, (n) => dy!.data[first + n]! * weight!.data[(tap * c + k) * o + n]!);
    });
  });
}

function expectedDweight(g: Geometry, { x, dy }: Named<HostArray>): Expected {
  const { B, r, c, o, h, w, hOut, wOut, shapes } = g;
  return sampled("dweight", shapes.weight, (index) => {
    const [n, k] = [index % o, Math.floor(index / o) % c];
    const tap = Math.floor(index / (o * c));
    return total(B * hOut * wOut, (pixel) => {
      const [i, j] = [Math.floor(pixel / wOut) % hOut, pixel % wOut];
      const [row, col] = [inputAt(g, i, Math.floor(tap / r)), inputAt(g, j, tap % r)];
      if (row === undefined || col === undefined) return 0;
      const b = Math.floor(pixel / (wOut * hOut));
      return x!.data[((b * h + row) * w + col) * c + k]! * dy!.data[pixel * o + n]!;
    });
  });
}

/** Channels first and back are views in jax-js: it took as long with operands already so. */
export function jaxConv(
  { numpy: np, lax }: Jax,
  { stride, padding }: { readonly stride: number; readonly padding: number },
) {
  const pads = [padding, padding] as const;
  return (x: JaxArray, weight: JaxArray) => {
    const [first, kernels] = [np.transpose(x, [0, 3, 1, 2]), np.transpose(weight, [3, 2, 0, 1])];
    const y = lax.conv(first, kernels, [stride, stride], [pads, pads]);
    return np.transpose(y, [0, 2, 3, 1]);
  };
}

const tfConv =
  (tf: Tf, { stride, padding }: Geometry) =>
  (x: TfTensor, weight: TfTensor) =>
    tf.conv2d(x, weight, stride, padding);

/** [r, r, c, o] as [o, c, r, r]. */
function channelsFirst({ r, c, o }: Geometry, { data }: HostArray): HostArray {
  const taps = r * r;
  const value = (_: unknown, index: number) => {
    const [tap, k, n] = [
      index % taps,
      Math.floor(index / taps) % c,
      Math.floor(index / (taps * c)),
    ];
    return data[(tap * c + k) * o + n]!;
  };
  return { shape: [o, c, r, r], data: Float32Array.from({ length: data.length }, value) };
}

/** The transposes cancel those that ONNX Runtime puts around a convolution for its own layout. */
function onnxConv(g: Geometry, { x, weight }: Named<HostArray>): OnnxModel {
  const { r, stride, padding } = g;
  const attributes = {
    kernel_shape: [r, r],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  };
  const turn = (input: string, output: string, perm: readonly number[]) =>
    ({ op: "Transpose", inputs: [input], outputs: [output], attributes: { perm } }) as const;
  return {
    constants: { x: x!, weight: channelsFirst(g, weight!) },
    nodes: [
      turn("x", "first", [0, 3, 1, 2]),
      { op: "Conv", inputs: ["first", "weight"], outputs: ["sums"], attributes },
      turn("sums", "y", [0, 2, 3, 1]),
    ],
    outputs: { y: { dtype: "f32", rank: 4 } },
  };
}

function shapeText({ name, x, r, o, stride = 1 }: Size): string {
  return `${name}: ${x.join("×")} ${r}×${r}${stride > 1 ? `/${stride}` : ""} → ${o}`;
}

function forwardJob(size: Size): Job {
  const g = geometryOf(size);
  const { x, weight } = g.shapes;
  return {
    op: "conv2d",
    shape: shapeText(size),
    operands: () => normals({ x, weight }),
    own: ({ x, weight }) => ({ outputs: { y: conv2d(x!, weight!, g) } }),
    tfjs: (tf, { x, weight }) => ({ y: tfConv(tf, g)(x!, weight!) }),
    jax: (jax, { x, weight }) => ({ y: jaxConv(jax, g)(x!, weight!) }),
    ort: (operands) => onnxConv(g, operands),
    expected: (operands) => [expectedY(g, operands)],
    tolerance: 1e-5,
  };
}

function gradientJob(size: Size): Job {
  const g = geometryOf(size);
  return {
    op: "conv2d + gradients",
    shape: shapeText(size),
    operands: () => normals(g.shapes),
    own({ x, weight, dy }) {
      const y = conv2d(x!, weight!, g);
      const [dx, dweight] = vjp([[y, dy!]], [x!, weight!]) as [Tensor, Tensor];
      return { outputs: { y, dx, dweight } };
    },
    tfjs(tf, { x, weight, dy }) {
      const { value, grads } = tf.valueAndGrads(tfConv(tf, g))([x!, weight!], dy!);
      return { y: value, dx: grads[0]!, dweight: grads[1]! };
    },
    jax(jax, { x, weight, dy }) {
      const [y, back] = jax.vjp(jaxConv(jax, g), [x!, weight!]);
      const [dx, dweight] = back(dy!) as [JaxArray, JaxArray];
      return { y, dx, dweight };
    },
    ort: { cannot: "it has no gradients" },
    expected: (operands) =>
      [expectedY, expectedDx, expectedDweight].map((reference) => reference(g, operands)),
    tolerance: 1e-5,
  };
}

export const conv2dJobs: readonly Job[] = [...SIZES.map(forwardJob), ...SIZES.map(gradientJob)];
