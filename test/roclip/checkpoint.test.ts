import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  readCheckpoint,
  requireTensors,
  writeAtomically,
  writeCheckpoint,
} from "../../roclip/checkpoint.ts";
import { UserError } from "../../roclip/errors.ts";
import {
  encodeSafetensors,
  type StoredTensor,
  safetensorsParts,
} from "../../roclip/safetensors.ts";

const tensors: Record<string, StoredTensor> = {
  "params.image.stem": { dtype: "f32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  key: { dtype: "u32", shape: [2], data: Uint32Array.of(7, 8) },
};
const metadata = { step: 12, config: { seed: 1, merges: "" }, done: false, blocks: [1, 2] };

const asIs = (json: unknown) => json;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "roclip-checkpoint-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("checkpoint", () => {
  it("comes back as it was, over an older one, leaving nothing else", async () => {
    const path = join(folder, "a.safetensors");
    await writeCheckpoint(path, { tensors: {}, metadata: null });
    expect(await readCheckpoint(path, asIs)).toEqual({ tensors: {}, metadata: null });
    await writeCheckpoint(path, { tensors, metadata });
    expect(await readCheckpoint(path, asIs)).toEqual({ tensors, metadata });
    expect(await readdir(folder)).toEqual(["a.safetensors"]);
  });

  it("is read a tensor at a time, each in as many reads as it takes", async () => {
    const path = join(folder, "parts.safetensors");
    await writeCheckpoint(path, { tensors, metadata });
    for (const chunk of [1, 3, 7, 1e9]) {
      const read = await readCheckpoint(path, asIs, chunk);
      expect(read).toEqual({ tensors, metadata });
      for (const { data } of Object.values(read.tensors))
        expect(data.buffer.byteLength).toBe(data.byteLength); // not the whole file's
    }
  });

  it("is written as the format says, from arrays that are views of others", async () => {
    const path = join(folder, "views.safetensors");
    const data = new Float32Array([0, 1, 2, 3, 4]).subarray(1, 4);
    const file = { tensors: { a: { dtype: "f32" as const, shape: [3], data } }, metadata: {} };
    await writeAtomically(path, safetensorsParts(file));
    expect(new Uint8Array(await readFile(path))).toEqual(encodeSafetensors(file));
    expect(safetensorsParts(file)[1]!.buffer).toBe(data.buffer);
  });

  it("leaves the old file, and no temporary one, when writing fails", async () => {
    const inside = join(folder, "failing");
    const path = join(inside, "a.safetensors");
    await mkdir(path, { recursive: true }); // a folder: renaming a file over it fails
    await expect(writeCheckpoint(path, { tensors, metadata })).rejects.toThrow();
    expect(await readdir(inside)).toEqual(["a.safetensors"]);
  });

  it("does not touch the old file when the new one cannot be made", async () => {
    const path = join(folder, "kept.safetensors");
    await writeCheckpoint(path, { tensors, metadata });
    const before = await readFile(path);
    const bad: StoredTensor = { dtype: "f32", shape: [5], data: new Float32Array(1) };
    await expect(writeCheckpoint(path, { tensors: { bad }, metadata })).rejects.toThrow("[5]");
    expect(await readFile(path)).toEqual(before);
  });

  it("refuses a file that is absent, damaged or of someone else", async () => {
    const path = join(folder, "bad.safetensors");
    await expect(readCheckpoint(path, asIs)).rejects.toThrow(UserError);
    await expect(readCheckpoint(path, asIs)).rejects.toThrow("ENOENT");
    await writeFile(path, "PK\x03\x04 not ours");
    await expect(readCheckpoint(path, asIs)).rejects.toThrow(UserError);
    await writeFile(path, encodeSafetensors({ tensors, metadata: {} }));
    await expect(readCheckpoint(path, asIs)).rejects.toThrow('JSON under metadata "roclip"');
    await writeFile(path, encodeSafetensors({ tensors, metadata: { roclip: "{" } }));
    await expect(readCheckpoint(path, asIs)).rejects.toThrow('found "{"');
  });
});

describe("requireTensors", () => {
  const check = (expected: Parameters<typeof requireTensors>[1]) => () =>
    requireTensors(tensors, expected, "run/checkpoint");

  it("takes the model's own", () => {
    expect(check(tensors)).not.toThrow();
  });

  it("names the first that differs, with both shapes", () => {
    const wide = { ...tensors, "params.image.stem": { dtype: "f32" as const, shape: [4, 3] } };
    expect(check(wide)).toThrow(UserError);
    expect(check(wide)).toThrow(
      'found "params.image.stem" f32[2, 3] where the model has f32[4, 3]',
    );
    expect(check({ ...tensors, more: { dtype: "f32", shape: [1] } })).toThrow(
      'found "more" absent where the model has f32[1]',
    );
    expect(check({ key: tensors.key! })).toThrow(
      'found "params.image.stem" f32[2, 3] where the model has absent',
    );
    expect(check({ ...tensors, key: { dtype: "f32", shape: [2] } })).toThrow(
      'found "key" u32[2] where the model has f32[2]',
    );
  });
});
