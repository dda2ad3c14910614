/**
 * Bad input from the person who runs the program, as against a fault of the program itself.
 *
 * The message has the house form `where: what must hold; what was found; what to do`. The command
 * line prints the message alone and exits with code 2; anything else that is thrown is a bug and
 * keeps its stack.
 */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** Characters of a value in a message. */
export const SHOWN = 80;

const SHOWN_DEPTH = 4; // JSON.stringify ends in a RangeError some thousand levels down

/** The first of an object's entries as JSON, as many as may be shown. */
function shownEntries(value: object, depth: number): string {
  const list = Array.isArray(value);
  if (depth === 0) return list ? "[…]" : "{…}";
  const parts: string[] = [];
  let length = 0;
  for (const key in value) {
    if (length > SHOWN) break; // what is beyond is cut; there may be millions of entries
    const entry = shownWithin((value as Record<string, unknown>)[key], depth - 1);
    parts.push(list ? entry : `${JSON.stringify(key.slice(0, SHOWN))}:${entry}`);
    length += parts.at(-1)!.length;
  }
  return list ? `[${parts.join(",")}]` : `{${parts.join(",")}}`;
}

function shownWithin(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, SHOWN + 1));
  if (typeof value === "object" && value !== null) return shownEntries(value, depth);
  return value === undefined ? "nothing" : String(value);
}

/** A value of a file as messages show it: its JSON, but bounded in length and in depth. */
export function shown(value: unknown): string {
  const text = shownWithin(value, SHOWN_DEPTH);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}
