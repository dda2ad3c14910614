import { philoxWords, randomNormal, randomUniform } from "../../engine/ops/random.ts";
import { type Key, type Stream, stream } from "../../engine/random.ts";
import { type Array64, array64, type Case, defineCase } from "../case.ts";

const COUNT = 1031; // one past the blocks of a workgroup, and no whole number of blocks

const keyIn = ({ data }: Array64): Key => [data[0]!, data[1]!];

function draws(shape: readonly number[], key: Array64, draw: (s: Stream) => number): Array64 {
  const sequence = stream(keyIn(key)); // held against the published vectors in random.test.ts
  return array64(shape, () => draw(sequence));
}

const common = {
  shapes: [{ key: [2] }],
  rejects: [{ key: [3] }],
  data: { key: (_: unknown, draws: Stream) => Uint32Array.of(draws.u32(), draws.u32()) },
  differentiable: [],
} satisfies Partial<Case<"key">>;

export const words = defineCase<"key">({
  ...common,
  run: ({ key }) => philoxWords(key, COUNT),
  reference: ({ key }) => draws([COUNT], key, (s) => s.u32()),
  tolerance: { relative: 0, why: "integers" },
  bench: { "1031 or 3093 draws": { key: [2] } },
});

export const uniform = defineCase<"key">({
  ...common,
  run: ({ key }) => randomUniform(key, [COUNT]),
  reference: ({ key }) => draws([COUNT], key, (s) => s.uniform()),
  tolerance: { relative: 0, why: "24 bits fit f32" },
  bench: { "1031 or 3093 draws": { key: [2] } },
});

export const normal = defineCase<"key">({
  ...common,
  run: ({ key }) => randomNormal(key, [3, COUNT]),
  reference: ({ key }) => draws([3, COUNT], key, (s) => s.normal()),
  tolerance: { relative: 2e-6, why: "ln, cos and a root in f32" },
  bench: { "1031 or 3093 draws": { key: [2] } },
});

/** Random123 1.09, tests/kat_vectors, "philox4x32 10". */
const published = (counter: [number, number, number, number], key: Key, expected: number[]) =>
  defineCase<"key">({
    ...common,
    run: (operands) => philoxWords(operands.key, 4, counter),
    reference: () => array64([4], (i) => expected[i]!),
    data: { key: () => Uint32Array.of(...key) },
    tolerance: { relative: 0, why: "integers" },
  });

export const publishedZeros = published(
  [0, 0, 0, 0],
  [0, 0],
  [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
);
export const publishedOnes = published(
  [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
  [0xffffffff, 0xffffffff],
  [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
);
export const publishedPi = published(
  [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
  [0xa4093822, 0x299f31d0],
  [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
);
