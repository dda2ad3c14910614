import { readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { nearestName } from "../spelling.ts";
import type { Dataset, LabelNames } from "./dataset.ts";

const NAME = z.string().regex(/\S/, "a name must not be empty");
const LIST = z.array(NAME).min(1);
const listed = (value: unknown) => (typeof value === "string" ? [value] : value);
const NAMES = z.record(z.string(), z.preprocess(listed, LIST));

/**
 * Read what captions call the labels of a data set, for labels that no caption would use: a JSON
 * object from labels to a name or a list of names, `{"Topwear": ["shirt", "top"]}`. Labels that are
 * not in it are their own names.
 *
 * @throws  UserError unless the file is such an object and all its labels are in the data
 */
export function readNames(path: string, { labels }: Pick<Dataset, "labels">): LabelNames {
  const known = [...new Set(labels)];
  try {
    const names = NAMES.parse(JSON.parse(readFileSync(path, "utf8")));
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
