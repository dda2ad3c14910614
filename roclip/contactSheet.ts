/** A picture of what attacks do: examples of each, before and after, with their captions. */
import sharp from "sharp";
import { type Html, html } from "./report/html.ts";

/** One example on the sheet. */
export interface Example {
  /** Kind of the attack and the class it leads to. */
  readonly title: string;
  /** Lines under the pictures, each over two at most. */
  readonly lines: readonly string[];
  /** Side by side: u8[size, size, 3] each. */
  readonly images: readonly Uint8Array[];
}

// Pixels of the sheet
const PICTURE = 128;
const GAP = 12;
const LINE = 17;
const CARD = 2 * PICTURE + 3 * GAP;
const COLUMNS = 4;
const FONT = 12;
const LETTERS = Math.floor((CARD - 2 * GAP) / (0.6 * FONT)); // of a monospaced line

/** A text as it fits a card: over two lines, the rest cut. */
function wrap(text: string): string[] {
  const letters = [...text];
  const first = letters.slice(0, LETTERS).join("");
  if (letters.length <= LETTERS) return [first, ""];
  const rest = letters.slice(LETTERS, 2 * LETTERS).join("");
  return [first, letters.length > 2 * LETTERS ? `${rest.slice(0, -1)}…` : rest];
}

/** An image as a PNG in a data URI, its pixels enlarged as squares. */
async function dataUri(image: Uint8Array, size: number): Promise<string> {
  const raw = { width: size, height: size, channels: 3 } as const;
  const large = sharp(image, { raw }).resize(PICTURE, PICTURE, { kernel: "nearest" });
  return `data:image/png;base64,${(await large.png().toBuffer()).toString("base64")}`;
}

/** One example at a place. */
async function card(example: Example, size: number, x: number, y: number): Promise<Html> {
  const uris = await Promise.all(example.images.map((image) => dataUri(image, size)));
  const pictures = uris.map(
    (uri, i) =>
      html`<image x="${GAP + i * (PICTURE + GAP)}" y="${GAP + LINE}" width="${PICTURE}"
 height="${PICTURE}" href="${uri}"/>`,
  );
  const under = GAP + LINE + PICTURE + LINE;
  const lines = example.lines
    .flatMap(wrap)
    .map((line, i) => html`<text x="${GAP}" y="${under + i * LINE}">${line}</text>`);
  return html`<g transform="translate(${x} ${y})">
<text x="${GAP}" y="${GAP + FONT / 2}" font-weight="bold">${wrap(example.title)[0]!}</text>
${pictures}
${lines}
</g>`;
}

/**
 * Examples as one picture, four a row. Words need a font on the system.
 *
 * @param examples  at least one
 * @param size      side of their images, in pixels
 * @returns         a PNG file
 */
export async function contactSheet(examples: readonly Example[], size: number): Promise<Buffer> {
  const lines = 2 * Math.max(...examples.map((example) => example.lines.length));
  const height = 3 * GAP + PICTURE + (lines + 1) * LINE;
  const columns = Math.min(COLUMNS, examples.length);
  const cards = await Promise.all(
    examples.map((example, i) =>
      card(example, size, (i % columns) * CARD, Math.floor(i / columns) * height),
    ),
  );
  const sheet = html`<svg xmlns="http://www.w3.org/2000/svg" width="${columns * CARD}"
 height="${Math.ceil(examples.length / columns) * height}" font-family="monospace"
 font-size="${FONT}"><rect width="100%" height="100%" fill="#ffffff"/>${cards}</svg>`;
  return sharp(Buffer.from(sheet.markup)).png().toBuffer();
}
