/** Tables in Markdown, and numbers in them. */
import { formatMarkdown } from "../../roclip/table.ts";
import type { Host, Machine } from "../machine.ts";

/** A table; the first column stands at the left, the others at the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = head.map((title, i) => ({ title, numeric: i > 0 }));
  return formatMarkdown(columns, rows);
}

/** Fewer decimals the larger the number. */
export const digits = (x: number): string => x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0);

const BYTES_PER_MB = 1e6;
export const megabytes = (bytes: number): string => digits(bytes / BYTES_PER_MB);

export const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Whether a target is met, as a mark. */
export const mark = (met: boolean): string => (met ? "✓" : "✗");

/** Whether a number is at least, or at most, what was aimed at. */
export const atLeast = (text: string, value: number, target: number): string =>
  `${text} ${mark(value >= target)}`;
export const atMost = (text: string, value: number, target: number): string =>
  `${text} ${mark(value <= target)}`;

const hostText = ({ cpu, cores, memoryGiB, node, date }: Host) =>
  `${cpu}, ${cores} cores, ${memoryGiB} GiB; Node ${node}; ${date}`;

/** Where and when a section's numbers were measured. */
export const machineText = (machine: Machine): string =>
  `*${machine.adapter}; ${hostText(machine)}*`;

/** Where and when shaders were compiled. */
export const compiledText = (host: Host): string => `*Compiled on ${hostText(host)}*`;
