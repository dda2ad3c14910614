/** What RADV prints of a compute shader: its machine code in blocks, and what it takes to run. */

/** One instruction of a block: its operations (two where VOPD pairs them) as printed. */
export interface Instruction {
  /** The opcode of each operation: one, or the two halves of a `v_dual_… :: v_dual_…`. */
  readonly opcodes: readonly string[];
  /** The label it branches to. */
  readonly target?: string;
}

/** A basic block, in the order of the program. */
export interface Block {
  readonly label: string;
  readonly instructions: readonly Instruction[];
}

/** A compiled compute shader. */
export interface Assembly {
  readonly blocks: readonly Block[];
  /** Threads of a wave. */
  readonly wave: 32 | 64;
  readonly vgprs: number;
  readonly sgprs: number;
  /** Vector registers kept in memory for want of room. */
  readonly spills: number;
  readonly scalarSpills: number;
  /** Workgroup memory; bytes per workgroup. */
  readonly lds: number;
  /** Private memory; bytes per wave. */
  readonly scratch: number;
  /**
   * RADV's "Subgroups per SIMD": waves that one SIMD can hold at a time, in which a wave of 64
   * threads counts as two (radv_get_max_waves in Mesa's src/amd/vulkan/radv_shader.c).
   */
  readonly wavesPerSimd: number;
}

// Where LLVM does not know the GPU, RADV prints ACO's own notation: labels without a colon, and
// what an instruction defines before an equals sign.
const LABEL = /^(BB\d+):?\s*$/;
const INSTRUCTION = /^\t(?: [^=]* = )?([a-z]\w*)(?:\s+(.*?))?\s*(?:;.*)?$/;
const BRANCH = /^s_c?branch/;

function instructionOf(opcode: string, operands: string): Instruction {
  const paired = operands.match(/::\s(?:.* = )?([a-z]\w*)/)?.[1];
  const target = BRANCH.test(opcode) ? operands.match(/BB\d+/)?.[0] : undefined;
  return { opcodes: paired ? [opcode, paired] : [opcode], ...(target && { target }) };
}

// What LLVM cannot name it prints as its encoding. Vector ALU encodings begin with a 0 bit, or are
// VOPD, VOP3P (0xc8 to 0xcc) or VOP3 (0xd4 to 0xd7): AMD, RDNA 3 instruction set reference, §15.
const NAMELESS = /^\(invalid instruction\)\s*; ([0-9a-f]{8})/;
const VECTOR_ENCODING = /^(?:[0-7]|c[89a-c]|d[4-7])/;
const REPEATED = /^\t\(then repeated (\d+) times\)/;

/** The instructions that a line stands for; `previous` is the one before it. */
function readLine(line: string, previous: Instruction | undefined): Instruction[] {
  const [, opcode, operands = ""] = line.match(INSTRUCTION) ?? [];
  if (opcode) return [instructionOf(opcode, operands)];
  const encoding = line.match(NAMELESS)?.[1];
  if (encoding) return [{ opcodes: [VECTOR_ENCODING.test(encoding) ? "v_nameless" : "nameless"] }];
  const times = Number(line.match(REPEATED)?.[1] ?? 0);
  return previous ? Array.from({ length: times }, () => previous) : [];
}

function blocksOf(text: string): Block[] {
  const blocks: { label: string; instructions: Instruction[] }[] = [];
  for (const line of text.split("\n")) {
    const label = line.match(LABEL)?.[1];
    const instructions = blocks.at(-1)?.instructions;
    if (label) blocks.push({ label, instructions: [] });
    else instructions?.push(...readLine(line, instructions.at(-1)));
  }
  return blocks;
}

/**
 * The wave size: 32 where the low halves of the masks stand alone, or where instructions are paired
 * (VOPD), which larger waves cannot be. Code with neither is taken for 64 threads, which RADV
 * compiles for when a shader asks for no size.
 */
const waveOf = (code: string) => (/\b(?:vcc|exec)_lo\b|::/.test(code) ? 32 : 64);

/**
 * Read what RADV prints with RADV_DEBUG=asm,shaderstats for one compute shader.
 *
 * @param stated  threads of a wave, where the shader asks for a size
 * @throws  Error when the text holds no machine code or lacks a statistic
 */
export function parseAssembly(text: string, stated?: Assembly["wave"]): Assembly {
  const [, code = "", statistics = ""] = text.split(/^disasm:$|^\*\*\* SHADER STATS \*\*\*$/m);
  const blocks = blocksOf(code);
  if (blocks.length === 0)
    throw new Error(
      'isa: the compiler must print machine code after "disasm:"; there was none; ' +
        "use a Mesa whose RADV_DEBUG=asm,shaderstats does",
    );
  const read = (name: string): number => {
    const value = statistics.match(new RegExp(`^${name}: (\\d+)`, "m"))?.[1];
    if (value !== undefined) return Number(value);
    throw new Error(`isa: the statistics must hold "${name}"; they lack it; use Mesa 25`);
  };
  const wave = stated ?? waveOf(code);
  return {
    blocks,
    wave,
    vgprs: read("VGPRs"),
    sgprs: read("SGPRs"),
    spills: read("Spilled VGPRs"),
    scalarSpills: read("Spilled SGPRs"),
    lds: read("LDS size"),
    scratch: read("Scratch size"),
    wavesPerSimd: read("Subgroups per SIMD"),
  };
}
