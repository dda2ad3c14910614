/** Measures of the training pairs as the model saw them, and of the pool they went through. */
import { readState } from "../engine/index.ts";
import { type Assessed, mean, type Named } from "./assessed.ts";
import { detection, precisionAt } from "./measures/detection.ts";
import { judgement } from "./measures/judgement.ts";
import { type MatchRow, matchRows, poolAudit } from "./measures/poolAudit.ts";
import { pairSimilarities } from "./measures/similarity.ts";

/** Training pairs as the model saw them, un-augmented; low similarity is what gives them away. */
export async function assessDetection(assessed: Assessed): Promise<Named[]> {
  const { embedder, attacked } = assessed;
  const { dataset, truth } = attacked();
  const images = await embedder.images(dataset);
  const scores = pairSimilarities(images, await embedder.captions(dataset.captions));
  const rows = new Set(truth.map(({ row }) => row));
  const flags = Array.from(scores, (_, row) => rows.has(row));
  const found = detection(
    scores.map((similarity) => -similarity),
    flags,
  );
  return [
    ["AUROC", found.auroc],
    ["average precision", found.averagePrecision],
    ["precision at recall 0.5", precisionAt(found.curve, 0.5)],
    ["precision at recall 0.9", precisionAt(found.curve, 0.9)],
    ["mean similarity, clean", mean(scores.filter((_, row) => !flags[row]))],
    ["mean similarity, poisoned", mean(scores.filter((_, row) => flags[row]))],
    ...(await assessJudge(assessed)),
  ];
}

/** What the pool made of pairs, where it judges them. */
async function assessJudge({ device, state, judge, attacked }: Assessed): Promise<Named[]> {
  if (!state.ranks) return [];
  const { ranks } = await readState(device, { ranks: state.ranks });
  const found = judgement(ranks.data as Float32Array, judge, attacked().truth);
  return [
    ["judge: AUROC", found.auroc],
    ["judge: clean pairs kept", found.clean],
    ["judge: poisoned pairs kept", found.poison],
    ["judge: triggered pairs kept", found.backdoor],
  ];
}

/** What is known of the pool and of what went through it: operands of poolAudit and matchRows. */
async function audited({ device, state, attacked }: Assessed) {
  const { dataset, truth } = attacked();
  const { pool, matches } = state;
  const read = await readState(device, { ids: pool.ids, cursor: pool.cursor, matches });
  const words = (name: keyof typeof read) => read[name].data as Uint32Array;
  const own = { ids: words("ids"), next: words("cursor")[0]!, matches: words("matches") };
  return [own, dataset, truth] as const;
}

/** What every training pair of a run was last matched to. */
export async function assessMatches(assessed: Assessed): Promise<MatchRow[]> {
  return matchRows(...(await audited(assessed)));
}

export async function assessPool(assessed: Assessed): Promise<Named[]> {
  const found = poolAudit(...(await audited(assessed)));
  return [
    ["pool rows", found.rows],
    ["pool rows of poisoned pairs", found.poisonedRows],
    ["pool rows that repeat a text", found.duplicates],
    ["pool rows that were matched", found.coverage],
    ["pairs matched to a poisoned caption", found.matchedPoisoned],
    ["poisoned pairs matched to one", found.attackedPoisoned],
    ["poisoned pairs matched to the wanted class", found.attackedAdversarial],
    ["matches shared with another pair", found.sharedMatches],
    ["mean age of matched rows (rows)", found.meanAge],
  ];
}
