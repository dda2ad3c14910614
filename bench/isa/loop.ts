/** The hot loop of a compiled shader, and what its instructions are. */
import type { Block, Instruction } from "./assembly.ts";

/** What the instructions of a stretch of code add up to, for one run through it. */
export interface Counts {
  /** Vector ALU operations; the two halves of a VOPD pair are two. */
  readonly operations: number;
  /** Vector ALU instructions: issue slots. */
  readonly slots: number;
  /** Operations that are multiply-adds. */
  readonly fmas: number;
  /** Multiply-adds per lane that those do: a packed or dot operation does several. */
  readonly multiplyAdds: number;
  /** Matrix instructions (WMMA); not among the above but for their slots and operations. */
  readonly wmma: number;
  /** Bytes that a lane gets from workgroup memory (or, through its crossbar, from other lanes). */
  readonly ldsBytes: number;
  /** Bytes that a lane loads from memory. */
  readonly vectorBytes: number;
  /** Bytes that a whole wave loads from memory into scalar registers. */
  readonly scalarBytes: number;
  /** Scalar instructions, without waits. */
  readonly scalar: number;
  /** Instructions that only wait. */
  readonly waits: number;
}

/** A stretch of code: the hot loop, or the whole program where no loop multiplies. */
export interface HotCode {
  readonly where: "loop" | "program";
  readonly counts: Counts;
}

const WAIT = /^s_(?:waitcnt|wait_|delay_alu|nop|sleep)/;
const FMA = /^v_(?:dual_|pk_)?(?:fma|mad|mac)(?:c|ak|mk)?(?:_[a-z]\w*?)?_f(?:16|32|64)/;
const DOT = /^v_(?:dual_)?dot(\d)/;
const WMMA = /^v_s?wmma_/;
/** Multiply-adds that a matrix instruction does for each lane: 16 · 16 · 16 in a wave of 32. */
const WMMA_FMAS = 128;

/** Multiply-adds of a lane in one vector operation. */
function multiplyAddsOf(opcode: string): number {
  const terms = opcode.match(DOT)?.[1];
  if (terms) return Number(terms);
  if (!FMA.test(opcode)) return 0;
  return opcode.startsWith("v_pk_") ? 2 : 1;
}

const DWORD = 4;
const NAMED: Readonly<Record<string, number>> = {
  ubyte: 1,
  sbyte: 1,
  short: 2,
  sshort: 2,
  ushort: 2,
  dword: DWORD,
  x: DWORD,
  xy: 2 * DWORD,
  xyz: 3 * DWORD,
  xyzw: 4 * DWORD,
};

/** Bytes that a load brings, from the width in its name: b128, u8, dwordx4, ubyte, format_xyzw. */
export function bytesOf(opcode: string): number {
  const bits = opcode.match(/_[biu](\d+)(?:_|$)/)?.[1];
  if (bits) return Number(bits) / 8;
  const dwords = opcode.match(/_dwordx(\d+)/)?.[1];
  if (dwords) return DWORD * Number(dwords);
  const name = opcode.match(/_(ubyte|sbyte|s?short|ushort|dword|xyzw|xyz|xy|x)(?:_|$)/)?.[1];
  return NAMED[name ?? ""] ?? 0;
}

const LDS_LOAD = /^ds_(?:load|read)/;
const LDS_TWICE = /^ds_(?:load_2addr|read2)/;
const LDS_CROSSBAR = /^ds_(?:b?permute|swizzle)/;
const VECTOR_LOAD = /^(?:t?buffer|global|flat|scratch)_load/;
const SCALAR_LOAD = /^s_(?:buffer_)?load/;

function ldsBytesOf(opcode: string): number {
  if (LDS_CROSSBAR.test(opcode)) return DWORD;
  if (!LDS_LOAD.test(opcode)) return 0;
  return bytesOf(opcode) * (LDS_TWICE.test(opcode) ? 2 : 1);
}

const sumOf = <T>(items: readonly T[], value: (item: T) => number) =>
  items.reduce((sum, item) => sum + value(item), 0);

/** Count what instructions are. */
export function countInstructions(instructions: readonly Instruction[]): Counts {
  const opcodes = instructions.map(({ opcodes: [first] }) => first as string);
  const vector = instructions.filter(({ opcodes: [first] }) => first?.startsWith("v_"));
  const operations = vector.flatMap((instruction) => instruction.opcodes);
  const waits = opcodes.filter((opcode) => WAIT.test(opcode)).length;
  const loads = (kind: RegExp) =>
    sumOf(
      opcodes.filter((opcode) => kind.test(opcode)),
      bytesOf,
    );
  return {
    operations: operations.length,
    slots: vector.length,
    fmas: operations.filter((opcode) => multiplyAddsOf(opcode) > 0).length,
    multiplyAdds: sumOf(operations, multiplyAddsOf),
    wmma: operations.filter((opcode) => WMMA.test(opcode)).length,
    ldsBytes: sumOf(opcodes, ldsBytesOf),
    vectorBytes: loads(VECTOR_LOAD),
    scalarBytes: loads(SCALAR_LOAD),
    scalar: opcodes.filter((opcode) => opcode.startsWith("s_")).length - waits,
    waits,
  };
}

/** A loop as the places of its first and last block. */
interface Loop {
  readonly first: number;
  readonly last: number;
}

/** Every loop: from the target of a branch backwards to the last branch to it. */
function loopsOf(blocks: readonly Block[]): Loop[] {
  const places = new Map(blocks.map(({ label }, place) => [label, place]));
  const lasts = new Map<number, number>();
  blocks.forEach(({ instructions }, place) => {
    for (const { target } of instructions) {
      const first = target === undefined ? undefined : places.get(target);
      if (first !== undefined && first <= place) lasts.set(first, place);
    }
  });
  return [...lasts].map(([first, last]) => ({ first, last }));
}

const holds = (outer: Loop, inner: Loop) =>
  (outer.first !== inner.first || outer.last !== inner.last) &&
  outer.first <= inner.first &&
  inner.last <= outer.last;

/** The instructions of a loop that are in no loop within it. */
function own(loop: Loop, loops: readonly Loop[], blocks: readonly Block[]) {
  const inner = loops.filter((other) => holds(loop, other));
  const direct = blocks.filter(
    (_, place) =>
      place >= loop.first &&
      place <= loop.last &&
      !inner.some(({ first, last }) => place >= first && place <= last),
  );
  return direct.flatMap(({ instructions }) => instructions);
}

/**
 * The innermost loop with the most multiply-adds (or matrix instructions), counted for one round.
 * Loops that load operands go before loops that do not: a store loop whose activation is a long
 * polynomial may have more multiply-adds in its text, but runs once where a product's loop runs K
 * times. A loop nested in the hot one (it fills workgroup memory, say) is counted as if it ran
 * once: the compiler does not say how often, and once keeps a bound an upper bound.
 */
export function hotCode(blocks: readonly Block[]): HotCode {
  const loops = loopsOf(blocks);
  const candidates = loops.map((loop) => {
    const { fmas, wmma, ldsBytes, vectorBytes } = countInstructions(own(loop, loops, blocks));
    return { ...loop, work: fmas + WMMA_FMAS * wmma, loads: ldsBytes + vectorBytes };
  });
  const working = candidates.filter(({ work }) => work > 0);
  const loading = working.filter(({ loads }) => loads > 0);
  const [hot] = (loading.length > 0 ? loading : working).sort((a, b) => b.work - a.work);
  const code = hot ? blocks.slice(hot.first, hot.last + 1) : blocks;
  return {
    where: hot ? "loop" : "program",
    counts: countInstructions(code.flatMap(({ instructions }) => instructions)),
  };
}
