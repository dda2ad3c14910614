/** Weights as files: open_clip's names and layouts, half precision, and what is refused. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HostArray, leaves, mapTree } from "../../engine/index.ts";
import { parseConfig } from "../../roclip/config.ts";
import { UserError } from "../../roclip/errors.ts";
import { fromHalf, toHalf } from "../../roclip/half.ts";
import type { Weights } from "../../roclip/model.ts";
import { initState } from "../../roclip/model.ts";
import { readPretrained } from "../../roclip/pretrained.ts";
import { decodeSafetensors, encodeSafetensors } from "../../roclip/safetensors.ts";
import { decodeWeights, encodeWeights, readWeights } from "../../roclip/weights.ts";

const DTYPES = ["f32", "f16", "u32", "i64"] as const;

/** A file of PyTorch's (test/golden/models.py): its model, and its weights as they stand there. */
function golden(name: string) {
  const bytes = readFileSync(new URL(`../golden/${name}.safetensors`, import.meta.url));
  const { tensors, metadata } = decodeSafetensors(bytes, name, DTYPES);
  const config = parseConfig({ model: JSON.parse(metadata.model!) });
  const entries = Object.entries(tensors).filter(([key]) => key.startsWith("weights."));
  const state = initState(config, 1, 1);
  return {
    model: config.model,
    like: { params: state.params, statistics: state.statistics } as Weights<HostArray>,
    tensors: Object.fromEntries(entries.map(([key, x]) => [key.slice("weights.".length), x])),
  };
}
type Tensors = ReturnType<typeof golden>["tensors"];

const vit = golden("vit");
const read = (tensors: Tensors, from = vit) =>
  decodeWeights(encodeSafetensors({ tensors, metadata: {} }), from.model, from.like, "w");
/** Bytes as text, which compares faster than an array. */
const text = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");
const bits = (weights: Weights<HostArray>) =>
  leaves<HostArray>(weights).map(([path, { shape, data }]) => [path, shape, text(data)] as const);

describe("a file's weights", () => {
  it("need all of their tokens", async () => {
    const config = parseConfig({
      pretrained: "w.safetensors",
      merges: "m",
      compactVocabulary: true,
    });
    const state = initState(config, 600, 1);
    await expect(readPretrained(config, state)).rejects.toThrow(
      /^w.safetensors: weights of a file/,
    );
  });
});

describe("half precision", () => {
  it("comes back as it was, every number of it", () => {
    const all = Array.from({ length: 0x10000 }, (_, half) => half);
    const isNumber = (half: number) => !Number.isNaN(fromHalf(half));
    expect(all.filter(isNumber).length).toBe(0x10000 - 2 * 1023);
    expect(all.filter((half) => isNumber(half) && toHalf(fromHalf(half)) !== half)).toEqual([]);
    expect(isNumber(toHalf(Number.NaN))).toBe(false);
    const known = [0, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00];
    const values = [0, 1, -2, 65504, 2 ** -24, 2 ** -14, Number.POSITIVE_INFINITY];
    expect(known.map(fromHalf)).toEqual(values); // IEEE 754-2019, table 3.5's extremes
  });

  it("is the nearest, and the even one of two that are as near", () => {
    const finite = fc.float({ noNaN: true, max: Math.fround(65519), min: Math.fround(-65519) });
    const check = (x: number) => {
      const half = toHalf(x);
      const error = Math.abs(fromHalf(half) - x);
      for (const other of [half - 1, half + 1]) {
        const y = fromHalf(other & 0xffff);
        if (!Number.isFinite(y)) continue;
        expect(error).toBeLessThanOrEqual(Math.abs(y - x));
        if (error === Math.abs(y - x) && error > 0) expect(half % 2).toBe(0);
      }
    };
    fc.assert(fc.property(finite, check), { seed: 1, numRuns: 5000 });
    for (let half = 0; half < 0x7bff; half += 7) check((fromHalf(half) + fromHalf(half + 1)) / 2); // ties
    expect([toHalf(65519.99), toHalf(65520), toHalf(-1e9)]).toEqual([0x7bff, 0x7c00, 0xfc00]);
  });
});

describe("open_clip's names", () => {
  it.each(["resnet", "vit"])("are PyTorch's for a %s, with its shapes and numbers", (name) => {
    const from = golden(name);
    const weights = read(from.tensors, from);
    for (const half of [false, true]) {
      const bytes = encodeWeights(from.model, weights, { half, steps: 7 });
      const { tensors, metadata } = decodeSafetensors(bytes, "w", DTYPES);
      expect(Object.keys(tensors).sort()).toEqual(Object.keys(from.tensors).sort());
      expect(metadata.format).toBe("pt");
      for (const [key, { shape, data, dtype }] of Object.entries(from.tensors)) {
        const found = tensors[key]!;
        expect(found.shape, key).toEqual(shape);
        if (dtype === "i64") expect(found.data).toEqual(BigInt64Array.of(7n));
        else if (found.dtype === "f16") expect(text(found.data), key).toBe(text(data));
        else {
          const expected = Float32Array.from(data as Uint16Array, fromHalf);
          expect(text(found.data), key).toBe(text(expected));
        }
      }
      // As in OpenAI's files: maps and projections are halves, norms and tables are not.
      const halves = Object.keys(tensors).filter((key) => tensors[key]!.dtype === "f16");
      expect(halves.length > 0).toBe(half);
      expect(
        halves.filter((key) => /bn|ln_|embedding|running|logit|downsample.1/.test(key)),
      ).toEqual([]);
      expect(bits(decodeWeights(bytes, from.model, from.like, "w"))).toEqual(bits(weights));
    }
  });

  it("are read with the prefixes and extras of other writers", () => {
    const expected = bits(read(vit.tensors));
    const other = Object.entries(vit.tensors).map(([name, tensor]) => {
      const ofText = !name.startsWith("visual.") && name !== "logit_scale";
      return [`module.${ofText ? "text." : ""}${name}`, tensor];
    });
    expect(bits(read(Object.fromEntries(other)))).toEqual(expected);
    const size = { dtype: "i64" as const, shape: [], data: BigInt64Array.of(12n) };
    const scale = { ...vit.tensors.logit_scale!, shape: [1] };
    const openai = { ...vit.tensors, logit_scale: scale, input_resolution: size, vocab_size: size };
    expect(bits(read(openai as Tensors))).toEqual(expected);
  });

  it.each(["resnet", "vit"])("are CustomTextCLIP's for a %s where they are to be", (name) => {
    const from = golden(name);
    const weights = read(from.tensors, from);
    const options = { half: false, steps: 7, customText: true };
    const bytes = encodeWeights(from.model, weights, options);
    const { tensors } = decodeSafetensors(bytes, "w", DTYPES);
    // src/open_clip/model.py at 89fb801f, convert_to_custom_text_state_dict: what moves to text.
    const ofText = /^(text_projection|positional_embedding|token_embedding|transformer|ln_final)/;
    const expected = Object.keys(from.tensors).map((key) =>
      ofText.test(key) ? `text.${key}` : key,
    );
    expect(expected.filter((key) => key.startsWith("text.")).length).toBeGreaterThan(15);
    expect(Object.keys(tensors).sort()).toEqual(expected.sort());
    expect(bits(decodeWeights(bytes, from.model, from.like, "w"))).toEqual(bits(weights));
  });

  it("are our own for the small model", () => {
    const { params, statistics } = initState(parseConfig({ text: { width: 8 } }), 40, 1);
    const weights = { params, statistics };
    const bytes = encodeWeights("small", weights, { half: false, steps: 3 });
    const names = Object.keys(decodeSafetensors(bytes, "w").tensors);
    expect(names.sort()).toEqual(
      bits(weights)
        .map(([path]) => path)
        .sort(),
    );
    expect(bits(decodeWeights(bytes, "small", weights, "w"))).toEqual(bits(weights));
    const options = { half: false, steps: 3, customText: true };
    expect(() => encodeWeights("small", weights, options)).toThrow(
      /^export: --custom-text must be/,
    );
  });
});

describe("files of weights", () => {
  const f32 = (shape: number[]) => ({
    dtype: "f32" as const,
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  });
  const without = (name: string) => {
    const { [name]: _, ...rest } = vit.tensors;
    return rest;
  };
  it.each<[what: string, tensors: Tensors, message: string]>([
    [
      "another shape",
      { ...vit.tensors, "visual.proj": f32([16, 13]) },
      'w: tensor "visual.proj" must be f32 or f16 [16, 12], as the model has it; found f32[16, 13]',
    ],
    [
      "our layout for theirs",
      { ...vit.tensors, "visual.conv1.weight": f32([4, 4, 3, 16]) },
      '"visual.conv1.weight" must be f32 or f16 [16, 3, 4, 4], as the model has it; found f32[4, 4, 3',
    ],
    [
      "whole numbers",
      { ...vit.tensors, logit_scale: { dtype: "i64", shape: [], data: new BigInt64Array(1) } },
      'tensor "logit_scale" must be f32 or f16 [], as the model has it; found i64[]',
    ],
    ["a tensor missing", without("ln_final.bias"), '"ln_final.bias" must be f32 or f16 [8]'],
    [
      "a tensor too many",
      { ...vit.tensors, "visual.layer1.0.conv1.weight": f32([1]) },
      'found "visual.layer1.0.conv1.weight" [1], which it does not have; choose the model',
    ],
  ])("are refused with %s", (_, tensors, message) => {
    expect(() => read(tensors)).toThrow(UserError);
    expect(() => read(tensors)).toThrow(message);
  });

  it("are refused by their header, before there is memory for their data", async () => {
    const folder = await mkdtemp(join(tmpdir(), "roclip-weights-"));
    const path = join(folder, "large.safetensors");
    const size = 2 ** 33; // bytes; no array of Node 20 has more than 2³²
    const a = { dtype: "F32", shape: [size / 4], data_offsets: [0, size] };
    const header = Buffer.from(JSON.stringify({ a }).padEnd(128));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(header.length));
    await writeFile(path, Buffer.concat([prefix, header]));
    await truncate(path, 8 + header.length + size); // a hole, which takes no room
    const reading = readWeights(path, vit.model, vit.like);
    await expect(reading).rejects.toThrow(UserError);
    await expect(reading).rejects.toThrow('found "a" [2147483648], which it does not have');
    await rm(folder, { recursive: true });
  });

  it("are refused, and nothing worse, when damaged", () => {
    const bytes = encodeSafetensors({ tensors: vit.tensors, metadata: {} });
    const header = Number(new DataView(bytes.buffer).getBigUint64(0, true)) + 8;
    const edit = fc.tuple(fc.nat(header), fc.nat(255));
    let refused = 0;
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 3 }), fc.nat(bytes.length), (edits, length) => {
        const damaged = bytes.slice(0, length % 2 === 0 ? bytes.length : length);
        for (const [at, value] of edits) damaged[at] = value;
        try {
          decodeWeights(damaged, vit.model, vit.like, "w");
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          refused++;
        }
      }),
      { seed: 1, numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it("are not written in halves that cannot hold the numbers", () => {
    const huge = mapTree(vit.like, (leaf: HostArray, path) =>
      path.endsWith("qkv.bias") ? { ...leaf, data: leaf.data.map(() => 1e5) } : leaf,
    );
    const write = (half: boolean) => () => encodeWeights(vit.model, huge, { half, steps: 0 });
    expect(write(false)).not.toThrow();
    expect(write(true)).toThrow(UserError);
    expect(write(true)).toThrow(/found 100000 in "\S+attn.in_proj_bias"; leave out --f16/);
  });
});
