import { defineKernel, ELEMENT, spread, WORD_BYTES } from "../kernel.ts";

const common = {
  uses: ["index"],
  bindings: { x: "read", y: "write" },
  params: { count: "u32" },
  consts: { WG: [64, 256], ITEMS: [4, 1] },
  options: { ELEMENT },
  grid: ({ count, WG, ITEMS }: Readonly<Record<"count" | "WG" | "ITEMS", number>>) =>
    spread(Math.ceil(count / (WG * ITEMS))),
  cost: ({ count, ELEMENT }: Readonly<Record<"count" | "ELEMENT", number>>) => ({
    flops: count,
    bytes: (WORD_BYTES + ELEMENT / 8) * count,
  }),
} as const;

export const toF16 = defineKernel({
  ...common,
  name: "cast_to_f16",
  source: new URL("./cast_to_f16.wgsl", import.meta.url),
});

export const toF32 = defineKernel({
  ...common,
  name: "cast_to_f32",
  source: new URL("./cast_to_f32.wgsl", import.meta.url),
});
