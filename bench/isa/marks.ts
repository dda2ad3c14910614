/** What separates one shader's text from the next in the compiler's output. */
export const BEGIN = "@@ shader";
export const END = "@@ end";

/** What the compiler printed of a shader, or why it printed nothing. */
export interface Printed {
  readonly index: number;
  readonly text: string;
  /** WebGPU's words when the shader was refused; empty otherwise. */
  readonly refusal: string;
}

/** The texts between the marks. A shader that has no end mark killed the compiler: left out. */
export function splitPrinted(output: string): Printed[] {
  const pattern = new RegExp(`^${BEGIN} (\\d+)\\n([^]*?)^${END} (.*)$`, "gm");
  return [...output.matchAll(pattern)].map(([, index, text = "", refusal = ""]) => ({
    index: Number(index),
    text,
    refusal,
  }));
}
