/** From the name of a model to every key of a configuration that it decides. */
import { isDeepStrictEqual } from "node:util";
import { MODEL_SCHEMA, type ModelConfig, namedModel } from "./architecture.ts";
import { shown, UserError } from "./errors.ts";
import { CONFIG_SCHEMA } from "./schema.ts";

/** Whether `value` is an object that may hold keys. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The keys that a model decides. The small model's own keys must stay at their defaults. */
function decidedBy({ embed_dim, vision_cfg, text_cfg }: ModelConfig): Record<string, unknown> {
  const { context_length, vocab_size, ...text } = text_cfg;
  return {
    imageSize: vision_cfg.image_size,
    contextLength: context_length,
    vocabularySize: vocab_size,
    embedding: embed_dim,
    text,
    image: CONFIG_SCHEMA.parse({}).image,
  };
}

/** The keys under `given` that are not as in `decided`, in words. */
function differences(given: unknown, decided: unknown, key: string): string[] {
  if (isObject(given) && isObject(decided))
    return Object.keys(given).flatMap((name) =>
      Object.hasOwn(decided, name)
        ? differences(given[name], decided[name], key ? `${key}.${name}` : name)
        : [],
    );
  if (isDeepStrictEqual(given, decided)) return [];
  return [
    `${key} must be the model's, ${shown(decided)}; found ${shown(given)}; leave it out, or ` +
      "give a model with that value as an object",
  ];
}

/**
 * Write out the model of a configuration: a name becomes the object it stands for, and the keys
 * that the model decides get its values.
 *
 * @param json   a configuration that has not been checked
 * @param where  what to call it in an error
 * @returns      json as it is where it names no model; what is wrong in it stays
 * @throws       UserError when there is no model of that name, or a key contradicts the model
 */
export function expandModel(json: unknown, where: string): unknown {
  if (!isObject(json) || json.model === undefined || json.model === "small") return json;
  const written = typeof json.model === "string" ? namedModel(json.model, where) : json.model;
  const { success, data: model } = MODEL_SCHEMA.safeParse(written);
  if (!success) return { ...json, model: written };
  const decided = decidedBy(model);
  const wrong = differences(json, decided, "");
  if (wrong.length > 0) throw new UserError(wrong.map((line) => `${where}: ${line}`).join("\n"));
  return { ...json, ...decided, model };
}
