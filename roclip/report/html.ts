/** A piece of HTML that is safe to put into a page as it is. */
export interface Html {
  readonly markup: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** What may stand in a template: text and numbers are escaped, Html and lists of it are not. */
type Part = string | number | Html | readonly Html[];

/** One part of a template as markup. */
function markupOf(part: Part): string {
  if (typeof part === "string" || typeof part === "number") {
    return String(part).replace(/[&<>"']/g, (character) => ESCAPES[character]!);
  }
  return "markup" in part ? part.markup : part.map((piece) => piece.markup).join("\n");
}

/** A template literal as HTML, with every text in it escaped, so that no caption can be markup. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { markup: String.raw({ raw: strings }, ...parts.map(markupOf)) };
}

/** Markup made by a program we trust (vega's SVG, our own style sheet), put in as it is. */
export function trusted(markup: string): Html {
  return { markup };
}
