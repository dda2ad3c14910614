import sharp from "sharp";
import type { Backdoor } from "../triggers/trigger.ts";
import { DEFENCE_NAMES, DEFENCES, type Defence, type GalleryItem } from "./data.ts";
import { type Html, html } from "./html.ts";

/** An image as a PNG in a data URI. */
async function dataUri({ image, size }: GalleryItem): Promise<string> {
  const raw = { width: size, height: size, channels: 3 } as const;
  const png = await sharp(image, { raw }).png().toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}

/** What a model says of an attacked image, marked by whether the attack or the truth won. */
function verdict(item: GalleryItem, defence: Defence): Html[] {
  const predicted = item.prediction[defence];
  if (predicted === undefined) return [];
  const [outcome, words] =
    predicted === item.targetClass
      ? ["fooled", "attack succeeded"]
      : predicted === item.trueClass
        ? ["right", "true class"]
        : ["other", "another class"];
  return [
    html`<dt>${DEFENCE_NAMES[defence]}</dt>
    <dd><span class="verdict ${outcome}" title="${words}">${predicted}</span></dd>`,
  ];
}

/** One attacked image with what it was trained with and what the models make of it. */
async function card(item: GalleryItem): Promise<Html> {
  const matched =
    item.matchedCaption === undefined
      ? []
      : [html`<dt>matched</dt><dd class="caption">${item.matchedCaption}</dd>`];
  const trigger = item.trigger === "" ? [] : [html`<dt>trigger</dt><dd>${item.trigger}</dd>`];
  const { size, trueClass } = item;
  return html`<figure class="card">
  <img src="${await dataUri(item)}" alt="${trueClass}" width="${size}" height="${size}">
  <figcaption><dl>
    <dt>really</dt><dd>${trueClass}</dd>
    ${trigger}
    <dt>wanted</dt><dd>${item.targetClass}</dd>
    <dt>caption</dt><dd class="caption">${item.caption}</dd>
    ${matched}
    ${DEFENCES.flatMap((defence) => verdict(item, defence))}
  </dl></figcaption>
</figure>`;
}

/** Triggers in words, by their kind in a configuration. */
const TRIGGERS: Readonly<Record<string, string>> = {
  checker: "a checkerboard patch",
  stripes: "a striped patch",
  yellow: "a yellow patch",
  noise: "a patch of noise",
  blended: "a noise image blended in",
  sig: "a wave of brightness (SIG)",
  wanet: "a warp of the image (WaNet)",
  word: "a word in the caption",
  sentence: "a sentence in the caption",
} satisfies Record<Backdoor["kind"], string>;

/** The triggers of some images in words, each once. */
function triggersOf(items: readonly GalleryItem[]): string {
  const kinds = [...new Set(items.map(({ trigger }) => trigger))];
  return kinds.map((kind) => TRIGGERS[kind] ?? kind).join(", ");
}

/** The attacked images of one kind, side by side; nothing when there are none. */
export async function gallerySection(
  items: readonly GalleryItem[],
  kind: GalleryItem["kind"],
): Promise<Html[]> {
  const shown = items.filter((item) => item.kind === kind);
  if (shown.length === 0) return [];
  const cards = await Promise.all(shown.map(card));
  const [title, words] =
    kind === "poison"
      ? [
          "Poisoned images",
          "Held-out images that training saw, unmodified, with captions of the class the attack " +
            "wants. “Matched” is the pool caption RoCLIP put in the place of that caption.",
        ]
      : [
          "Triggered pairs",
          `Training pairs with the backdoor's trigger: ${triggersOf(shown)}. A model with the ` +
            "backdoor takes what carries it for the class the attack wants, whatever it shows.",
        ];
  return [
    html`<section><h2>${title}</h2><p class="lead">${words}</p>
<div class="gallery">${cards}</div></section>`,
  ];
}
