/** CLIP's byte-pair merges, from the file that OpenAI distributes. */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { UserError } from "../errors.ts";

/** Vocabulary 49408 = 512 byte symbols + merges + 2 control tokens (openai/CLIP at d05afc43). */
const CLIP_MERGES = 49408 - 512 - 2;

const GZIP_MAGIC = "1f8b"; // RFC 1952, §2.3.1

/**
 * The merges of `bpe_simple_vocab_16e6.txt`, plain or gzipped: a header line, then one pair a line,
 * of which CLIP uses the first 48,894.
 *
 * @param file  path of the file
 * @returns     pairs of symbols, first merge first
 * @throws      UserError when the file is missing, too short, or a line is not a pair
 */
export function readClipMerges(file: string): [string, string][] {
  const wrong = (found: string) =>
    new UserError(
      `${file}: must be CLIP's bpe_simple_vocab_16e6.txt or .txt.gz; ${found}; ` +
        "take the file from github.com/openai/CLIP, clip/",
    );
  const lines = readText(file, wrong)
    .split("\n")
    .slice(1, CLIP_MERGES + 1);
  if (lines.length < CLIP_MERGES) {
    throw wrong(`it has ${lines.length} merges, not ${CLIP_MERGES}`);
  }
  return lines.map((line, i) => {
    const [left, right, ...rest] = line.trimEnd().split(" ");
    if (left && right && rest.length === 0) return [left, right];
    throw wrong(`line ${i + 2} is not a pair: ${JSON.stringify(line.slice(0, 40))}`);
  });
}

function readText(file: string, wrong: (found: string) => UserError): string {
  try {
    const bytes = readFileSync(file);
    const zipped = bytes.toString("hex", 0, 2) === GZIP_MAGIC;
    return (zipped ? gunzipSync(bytes) : bytes).toString("utf8");
  } catch (error) {
    throw wrong((error as Error).message);
  }
}
