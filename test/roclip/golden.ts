/** What PyTorch found: the tensors of a file in test/golden. */
import { readFileSync } from "node:fs";
import { decodeSafetensors, type StoredTensor } from "../../roclip/safetensors.ts";

/** A file of golden tensors; its script is beside it. */
export function goldenFile(name: string) {
  const file = `../golden/${name}.safetensors`;
  const { tensors, metadata } = decodeSafetensors(
    readFileSync(new URL(file, import.meta.url)),
    file,
  );
  const stored = (tensor: string): StoredTensor => {
    const found = tensors[tensor];
    if (!found) throw new Error(`${file}: ${tensor} is missing; run ${name}.py beside it`);
    return found;
  };
  return {
    file,
    metadata,
    stored,
    wide: (tensor: string) => Float64Array.from(stored(tensor).data),
    /** Names under a prefix, without it. */
    under: (prefix: string) =>
      Object.keys(tensors)
        .filter((tensor) => tensor.startsWith(`${prefix}.`))
        .map((tensor) => tensor.slice(prefix.length + 1)),
    /** Rows of a stored table, one after the other. */
    rowsOf(table: string, rows: Uint32Array): Uint32Array {
      const { data, shape } = stored(table);
      const width = shape[1] ?? 1;
      return Uint32Array.from({ length: rows.length * width }, (_, i) => {
        return data[rows[Math.floor(i / width)]! * width + (i % width)]!;
      });
    },
  };
}
