import { readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { nearestName } from "../spelling.ts";
import type { Dataset, LabelNames } from "./dataset.ts";

const NAME = z.string().regex(/\S/, "a name must not be empty");
const LIST = z.array(NAME).min(1);
const listed = (value: unknown) => (typeof value === "string" ? [value] : value);

/** Labels of a data set, each with a name or a list of names. */
export const LABEL_NAMES = z.record(z.string(), z.preprocess(listed, LIST));

/**
 * What captions call the labels of a data set, for labels that no caption would use: an object from
 * labels to a name or a list of names, `{"Topwear": ["shirt", "top"]}`. Labels that are not in it
 * are their own names.
 *
 * @param given  the object, or a JSON file that holds it
 * @throws       UserError unless it is such an object and all its labels are in the data
 */
export function readNames(
  given: string | LabelNames,
  { labels }: Pick<Dataset, "labels">,
): LabelNames {
  const known = [...new Set(labels)];
  const path = typeof given === "string" ? given : "classNames";
  try {
    const read = typeof given === "string" ? JSON.parse(readFileSync(given, "utf8")) : given;
    const names = LABEL_NAMES.parse(read);
    const stranger = Object.keys(names).find((label) => !known.includes(label));
    if (stranger === undefined) return names;
    throw new Error(`"${stranger}"; did you mean "${nearestName(stranger, known)}"?`);
  } catch (cause) {
    const found = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new UserError(
      `${path}: names of classes must be a JSON object from labels of the data to a name or a ` +
        `list of names; found ${found}`,
    );
  }
}
