/** Where a run stands, as its checkpoint's metadata say it; checked when it is read back. */
import { z } from "zod";
import { parseConfig } from "./config.ts";
import { SHOWN, shown, UserError } from "./errors.ts";
import { poolRows } from "./model.ts";
import type { EpochResult } from "./report/data.ts";
import type { TensorSpecs } from "./safetensors.ts";
import { KINDS, type Phase } from "./schedule.ts";
import type { Config } from "./schema.ts";
import { SOURCE, type Source } from "./source.ts";
import { parseTokenizer, type TokenizerJson } from "./tokenizerJson.ts";

/** Where a run stands: what is needed beside the state to go on, or to evaluate. */
export interface Progress {
  readonly config: Config;
  readonly source: Source;
  readonly tokenizer: TokenizerJson;
  readonly classes: readonly string[];
  readonly prompts: readonly string[];
  readonly pairs: number;
  /** Epoch under way, from 1, and its steps done. */
  readonly epoch: number;
  readonly step: number;
  /** Sum of the losses of those steps. */
  readonly lossSum: number;
  readonly results: readonly EpochResult[];
}

/** JSON has no NaN: what was not measured comes back as null. */
export function withNaN(result: Record<string, unknown>): EpochResult {
  const entries = Object.entries(result).map(([k, v]) => [k, v === null ? Number.NaN : v]);
  return Object.fromEntries(entries) as EpochResult;
}

const MEASURE = z.number().nullable();
const count = () => z.int().min(0);

const RESULT = z
  .object({
    epoch: count(),
    phase: z.enum(Object.keys(KINDS) as [Phase, ...Phase[]]),
    loss: MEASURE,
    zeroShotTop1: MEASURE,
    classMean: MEASURE,
    psr: MEASURE,
    asr: MEASURE,
    trueClassTarget: MEASURE,
    trueClassTriggered: MEASURE,
    pairsPerSecond: MEASURE,
    seconds: MEASURE,
  })
  .catchall(MEASURE);

const PROGRESS = z.object({
  config: z.looseObject({}),
  source: SOURCE,
  tokenizer: z.looseObject({}),
  classes: z.array(z.string()),
  prompts: z.array(z.string()),
  pairs: count(),
  epoch: z.int().min(1),
  step: count(),
  lossSum: z.number(),
  results: z.array(RESULT.transform(withNaN)),
});

/** Those of 10,000 epochs. Each wrong one may become an issue of zod's, which takes memory. */
const MOST_VALUES = 200_000;

/** Whether JSON has at most `most` values. Without recursion, which deep JSON would exhaust. */
function holdsAtMost(most: number, json: unknown): boolean {
  const rest = [json];
  for (let seen = 1; rest.length > 0; seen++) {
    const value = rest.pop();
    if (typeof value !== "object" || value === null) continue;
    const entries = Object.values(value);
    if (seen + rest.length + entries.length > most) return false;
    for (const entry of entries) rest.push(entry);
  }
  return true;
}

/** Refuse metadata that state what the tensors do not bear out: a model would be made by them. */
function requireBorneOut(
  { config, pairs }: Pick<Progress, "config" | "pairs">,
  specs: TensorSpecs,
  where: string,
): void {
  const { image, model, text } = config;
  const layers = model === "small" ? image.blocks : [model.vision_cfg.layers].flat();
  const blocks = layers.reduce((sum, blocks) => sum + blocks, text.layers);
  const rows = (name: string) => specs[name]?.shape[0];
  const stated: [what: string, stated: number, there: number | undefined][] = [
    ["pairs", pairs, rows("matches")],
    ["rows of the pool", poolRows(config, pairs), rows("pool.ids")],
  ];
  const tensors = Object.keys(specs).length;
  if (blocks > tensors) stated.push(["layers", blocks, tensors]);
  for (const [what, number, there] of stated) {
    if (number === there) continue;
    throw new UserError(
      `${where}: metadata must be of the file's tensors; found ${number} ${what} where these ` +
        `have ${there ?? "none"}; give a file that roclip train wrote`,
    );
  }
}

/**
 * Where a run stands, of metadata that nobody vouches for.
 *
 * @param specs  what the checkpoint's tensors are
 * @param where  what to call the file in an error: its path
 * @throws       UserError when the metadata are not a run's, or not of these tensors
 */
export function parseProgress(json: unknown, specs: TensorSpecs, where: string): Progress {
  const wrong = (found: string) =>
    new UserError(
      `${where}: a checkpoint must hold where its run stands; found ${found}; ` +
        "give one that roclip train wrote",
    );
  const { tokenizer: _, ...small } = Object(json) as Record<string, unknown>;
  if (!holdsAtMost(MOST_VALUES, small)) throw wrong(`more than ${MOST_VALUES} values`);
  const { success, data: saved, error } = PROGRESS.safeParse(json);
  if (!success) {
    const { path, message } = error.issues[0]!;
    const key = path.join(".").slice(0, SHOWN);
    throw wrong(key === "" ? shown(json) : `${key}: ${message}`);
  }
  // Keys that did not exist when the run was saved get their defaults.
  const config = parseConfig(saved.config, where);
  requireBorneOut({ ...saved, config }, specs, where);
  return { ...saved, config, tokenizer: parseTokenizer(saved.tokenizer, `${where}: tokenizer`) };
}
