/** The form of a sweep's file, and what is said of a file that has not this form. */
import { z } from "zod";
import { MEASURES } from "../assess.ts";
import { LABEL_NAMES } from "../data/labelNames.ts";
import { UserError } from "../errors.ts";
import { nearestName } from "../spelling.ts";

const keys = () => z.record(z.string(), z.unknown());
const seeds = () => z.array(z.int().min(0)).min(1);
const path = () => z.string().min(1);

const SOURCE = z.strictObject({
  data: path().describe("training table"),
  images: path().describe("folder, .tar or .tar.gz of its images"),
  test: path().optional().describe("held-out table"),
  imageColumn: path().optional(),
  captionColumn: path().optional(),
  labelColumn: path().optional(),
  classNames: z.union([path(), LABEL_NAMES]).optional().describe("what captions call the labels"),
  minClass: z.int().min(1).default(100).describe("training rows that make a label a class"),
  prompts: z
    .array(z.string())
    .min(1)
    .default(["{}", "a photo of {}"])
    .describe("of zero-shot classification"),
});

/** The schema; read it through `file.ts`. */
export const SWEEP = z.strictObject({
  preset: z.string().optional().describe("named configuration under all settings"),
  source: SOURCE.optional().describe("where the data is; without it the emoji"),
  config: keys().default({}).describe("configuration keys that all settings share"),
  axes: z
    .record(z.string(), z.union([z.array(z.unknown()), z.record(z.string(), keys())]))
    .default({})
    .describe("values of a configuration key, or named configurations; every combination is run"),
  cells: z
    .record(z.string(), z.looseObject({ seeds: seeds().optional().describe("only under these") }))
    .default({})
    .describe("named settings beside the grid"),
  measures: z.array(z.enum(MEASURES)).default([]).describe("of every model when it is trained"),
  attacksOf: z
    .record(z.string(), z.string())
    .default({})
    .describe("settings whose models are also measured by the attacks of another setting"),
  on: z.record(z.string(), path()).default({}).describe("folders of evaluation sets, by name"),
  perClass: z.int().min(1).optional().describe("training images of a class there, at most"),
  seeds: seeds().default([1]).describe("every setting is run under each"),
});

/** A sweep's file as it was read. */
export type SweepFile = z.infer<typeof SWEEP>;

/** What is wrong with a file, in the house form. */
export function fault(file: string, text: string): UserError {
  return new UserError(`${file}: ${text}`);
}

/** The issues of a file that has not the form of a sweep. */
export function explain(file: string, { issues }: z.ZodError): UserError {
  const known = { "": Object.keys(SWEEP.shape), source: Object.keys(SOURCE.shape) };
  const lines = issues.flatMap((issue) => {
    const where = issue.path.join(".");
    if (issue.code !== "unrecognized_keys")
      return [`${where || "a sweep"} must be as --help describes it; ${issue.message}; correct it`];
    const names = known[where as keyof typeof known];
    return issue.keys.map(
      (key) =>
        `every key must be one of ${names.join(", ")}; found "${key}"; ` +
        `did you mean "${nearestName(key, names)}"?`,
    );
  });
  return new UserError(lines.map((line) => `${file}: ${line}`).join("\n"));
}
