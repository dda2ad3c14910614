/**
 * What `bench isa` reads from a compiler's output, on what Mesa 25.0.7 (with LLVM 15) printed of
 * small shaders, whole or without some of their blocks. Needs no GPU.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseAssembly } from "../bench/isa/assembly.ts";
import { boundOf, isaRow } from "../bench/isa/bound.ts";
import { bytesOf, countInstructions, hotCode } from "../bench/isa/loop.ts";
import { BEGIN, END, splitPrinted } from "../bench/isa/marks.ts";
import { findRadv } from "../bench/isa/radv.ts";
import { formatIsaHead, formatIsaRow, formatLegend } from "../bench/isa/table.ts";
import { laneShare, statedWave, threadsOf } from "../bench/isa/threads.ts";
import { UserError } from "../roclip/errors.ts";

const WIDTH = 120;
const excerpt = (name: string) =>
  parseAssembly(readFileSync(new URL(`./isa/${name}.txt`, import.meta.url), "utf8"));

const shader = (workgroup: string, code = "") => ({
  kernel: "k",
  variant: "WG=64",
  code: `${code}\n@compute @workgroup_size(${workgroup})\nfn main() {}`,
  entryPoint: "main",
  constants: {},
});

describe("the compiler's output", () => {
  it("gives registers, spills, waves and the size of a wave", () => {
    const { blocks, ...needs } = excerpt("vopd_navi31");
    expect(needs).toEqual({
      ...{ wave: 32, vgprs: 24, sgprs: 128, spills: 0, scalarSpills: 0, lds: 0, scratch: 0 },
      wavesPerSimd: 16,
    });
    expect(blocks.map(({ label }) => label)).toEqual(["BB0", "BB1", "BB4", "BB7", "BB8"]);
    // four of 64 threads, which the compiler counts as two each
    expect(excerpt("lds_navi21")).toMatchObject({ wave: 64, lds: 10_240, wavesPerSimd: 8 });
  });

  it("counts both halves of a pair (VOPD), in one issue slot", () => {
    const hot = hotCode(excerpt("vopd_navi31").blocks);
    expect(hot).toEqual({
      where: "loop",
      counts: {
        ...{ operations: 10, slots: 6, fmas: 8, multiplyAdds: 8, wmma: 0 },
        ...{ ldsBytes: 0, vectorBytes: 32, scalarBytes: 16, scalar: 12, waits: 6 },
      },
    });
    const { bound, boundBy } = boundOf(hot, 32, 1, "navi31");
    expect([bound, boundBy]).toEqual([0.25, "cache"]); // 4 B per multiply-add; 128 a clock
  });

  it("counts the same in ACO's notation, which stands in where LLVM does not know the GPU", () => {
    const assembly = excerpt("vopd_gfx1150");
    expect(assembly.wave).toBe(32);
    expect(hotCode(assembly.blocks).counts).toMatchObject({
      ...{ operations: 10, slots: 6, fmas: 8, vectorBytes: 32, scalarBytes: 16 },
    });
  });

  it("has as many vector instructions as the compiler says", () => {
    for (const name of ["vopd_navi31", "vopd_gfx1150"]) {
      const all = excerpt(name).blocks.flatMap(({ instructions }) => instructions);
      expect(countInstructions(all).slots).toBe(14); // VALU: 14
    }
  });

  it("takes the inner of nested loops, beside one that fills workgroup memory", () => {
    const hot = hotCode(excerpt("lds_navi21").blocks);
    expect(hot.counts).toMatchObject({ operations: 10, fmas: 4, ldsBytes: 20, vectorBytes: 0 });
    expect(boundOf(hot, 64, 1, "navi21")).toEqual({ bound: 0.4, boundBy: "issue" });
    expect(boundOf(hot, 64, 1, "navi31")).toEqual({ bound: 0.2, boundBy: "lds" });
  });

  it("states matrix instructions apart, and counts those that LLVM cannot name", () => {
    const hot = hotCode(excerpt("wmma_navi31").blocks);
    // 22 for addresses, 10 without a name, 1 that packs, 1 matrix product
    expect(hot.counts).toMatchObject({ wmma: 1, fmas: 0, operations: 34, vectorBytes: 64 });
    expect(boundOf(hot, 64, 1, "navi31").bound).toBeNull();
  });

  it("of a product of f16 has matrix instructions, fed from workgroup memory", () => {
    // the loop's first, multiplying and last block: a lane's 16 halves of 4 matrices, 2 B each
    for (const name of ["matrices_navi31", "matrices_gfx1150"]) {
      const { blocks, wave, spills } = excerpt(name);
      const { where, counts } = hotCode(blocks);
      expect({ where, wave, spills }).toEqual({ where: "loop", wave: 32, spills: 0 });
      expect(counts).toMatchObject({ wmma: 4, fmas: 0, ldsBytes: 4 * 16 * 2, vectorBytes: 0 });
      const opcodes = blocks.flatMap((block) => block.instructions.flatMap((i) => i.opcodes));
      expect(opcodes.filter((opcode) => opcode === "v_wmma_f32_16x16x16_f16")).toHaveLength(4);
    }
  });

  it("is refused when it holds no machine code, or lacks a statistic", () => {
    expect(() => parseAssembly("Compute Shader:\n")).toThrow(/must print machine code/);
    expect(() => parseAssembly("disasm:\nBB0:\n\ts_endpgm\n*** SHADER STATS ***\n")).toThrow(
      /must hold "VGPRs"/,
    );
  });

  it("is told apart by shader, and the refused ones are known", () => {
    const output = `noise\n${BEGIN} 0\ntext\n\n${END} \nmore\n${BEGIN} 1\n\n${END} no such type\n`;
    expect(splitPrinted(`${output}${BEGIN} 2\ncut sho`)).toEqual([
      { index: 0, text: "text\n\n", refusal: "" },
      { index: 1, text: "\n", refusal: "no such type" },
    ]);
  });
});

describe("instructions", () => {
  const count = (...opcodes: string[]) =>
    countInstructions(opcodes.map((opcode) => ({ opcodes: [opcode] })));

  it("have widths by any of their names", () => {
    for (const [opcode, bytes] of Object.entries({
      ...{ buffer_load_b32: 4, buffer_load_dwordx3: 12, global_load_b96: 12, ds_read_b64: 8 },
      ...{ buffer_load_ubyte: 1, buffer_load_u8: 1, ds_load_u16: 2, global_load_d16_b16: 2 },
      ...{ buffer_load_dword: 4, tbuffer_load_format_xyzw: 16, buffer_load_format_x: 4 },
      ...{ s_buffer_load_dwordx8: 32, s_load_b512: 64, buffer_load_sshort: 2 },
    }))
      expect([opcode, bytesOf(opcode)]).toEqual([opcode, bytes]);
    expect(count("ds_load_2addr_stride64_b64", "ds_read2_b32", "ds_read2st64_b32").ldsBytes).toBe(
      32,
    );
    expect(count("ds_bpermute_b32", "ds_store_b128", "buffer_store_b32")).toMatchObject({
      ldsBytes: 4,
      vectorBytes: 0,
    });
  });

  it("are multiply-adds in any of their forms, integer ones excepted", () => {
    const forms = ["v_fma_f32", "v_fmac_f32_e32", "v_fmaak_f32", "v_fmamk_f32", "v_fma_mix_f32"];
    expect(count(...forms, "v_fma_mixlo_f16", "v_fmac_f32_dpp").multiplyAdds).toBe(7);
    expect(count("v_pk_fma_f16", "v_dot2_f32_f16", "v_dot4_i32_iu8")).toMatchObject({
      fmas: 3,
      multiplyAdds: 2 + 2 + 4,
    });
    const others = ["v_mad_u32_u24", "v_mad_u64_u32", "v_mul_f32_e32", "v_div_fmas_f32"];
    expect(count(...others, "v_max_f32_e32")).toMatchObject({ operations: 5, fmas: 0 });
  });

  it("are repeated where the compiler says so", () => {
    const code = "disasm:\nBB0:\n\tv_fma_f32 v0 ; 00\n\t(then repeated 3 times)\n";
    const needs = ["VGPRs", "SGPRs", "Spilled VGPRs", "Spilled SGPRs", "LDS size", "Scratch size"];
    const statistics = [...needs, "Subgroups per SIMD"].map((name) => `${name}: 0`).join("\n");
    const { blocks } = parseAssembly(`${code}*** SHADER STATS ***\n${statistics}\n`);
    expect(hotCode(blocks)).toMatchObject({ where: "program", counts: { fmas: 4 } });
  });
});

describe("loops", () => {
  const block = (label: string, opcodes: string[], target?: string) => ({
    label,
    instructions: opcodes.map((opcode) => ({ opcodes: [opcode], ...(target && { target }) })),
  });

  it("that load operands go before those that only store", () => {
    const product = block("BB1", ["buffer_load_b32", "v_fma_f32"], "BB1");
    const store = block("BB2", ["v_fma_f32", "v_fma_f32", "buffer_store_b32"], "BB2");
    expect(hotCode([product, store]).counts).toMatchObject({ fmas: 1, vectorBytes: 4 });
    expect(hotCode([store]).counts.fmas).toBe(2);
  });

  it("count a smaller loop within them once", () => {
    const fill = block("BB2", ["buffer_load_b32"], "BB2");
    const body = block("BB3", ["v_fma_f32", "v_fma_f32", "s_branch"], "BB1");
    const counts = hotCode([block("BB1", ["v_mov_b32"]), fill, body]).counts;
    expect(counts).toMatchObject({ operations: 3, fmas: 2, vectorBytes: 4 });
  });
});

describe("a workgroup", () => {
  it("is as large as its numbers, constants, products and overrides say", () => {
    expect(threadsOf(shader("8, 8u, 1"))).toBe(64);
    const code = "const CHUNK: u32 = 128u;\nconst ROWS = CHUNK / 8;\noverride WG: u32 = 4 * ROWS;";
    expect(threadsOf(shader("WG", code))).toBe(64);
    expect(threadsOf({ ...shader("WG, 2", code), constants: { WG: 16 } })).toBe(32);
    expect(threadsOf(shader("min(3, 4)"))).toBeUndefined();
    expect(threadsOf({ ...shader("8"), entryPoint: "other" })).toBeUndefined();
    expect(laneShare(96, 64)).toBe(0.75);
    expect(statedWave(shader("8"))).toBeUndefined();
    expect(statedWave(shader("32) @subgroup_size(S", "const S = 32u;"))).toBe(32);
  });

  it("with fewer threads than an issue slot has lanes lowers the bound", async () => {
    const row = await isaRow(shader("16"), "navi21", excerpt("lds_navi21"));
    expect(row).toMatchObject({ lanes: 0.5, bound: 0.2, boundBy: "issue", ldsBytesPerFma: 5 });
    expect(await isaRow(shader("16"), "navi31", excerpt("lds_navi21"))).toMatchObject({
      lanes: 0.25,
      source: row.source,
    });
    const { source } = await isaRow(shader("16", "// edited"), "navi21", excerpt("lds_navi21"));
    expect(source).not.toBe(row.source);
  });
});

describe("the command", () => {
  it("names the packages that lack", () => {
    expect(() => findRadv([], [])).toThrow(UserError);
    expect(() => findRadv([], [])).toThrow(/mesa-drm-shim.*mesa-vulkan-drivers/);
  });

  it("prints rows that fit the page, and says that nothing ran", async () => {
    const row = await isaRow(shader("64"), "navi31", excerpt("vopd_navi31"));
    const wide = { ...row, kernel: "a_kernel_with_a_very_long_name", variant: "A=1 ".repeat(20) };
    const text = [formatLegend(), formatIsaHead(), formatIsaRow(row), formatIsaRow(wide)].join(
      "\n",
    );
    for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(WIDTH);
    expect(text).toContain("nothing was run on a GPU");
    expect(formatIsaRow(row)).toMatch(/25 % cache$/);
  });
});
