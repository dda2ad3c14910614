/** CLIP's byte-pair merges, from the file that OpenAI distributes. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { UserError } from "../errors.ts";

/** Vocabulary 49408 = 512 byte symbols + merges + 2 control tokens (openai/CLIP at d05afc43). */
const CLIP_MERGES = 49408 - 512 - 2;

/**
 * SHA-256 of those merges, each a line without trailing space and with a line feed: of lines 2 to
 * 48,895 of clip/bpe_simple_vocab_16e6.txt.gz in openai/CLIP at d05afc43 (blob 7b5088a5). GPT-2's
 * merges have the same form and give other ids, and no error.
 */
const CLIP_SHA256 = "d308b7377a8ceaa9707a21614fe8c831b9196e197b7aeb69833359362907af02";

const GZIP_MAGIC = "1f8b"; // RFC 1952, §2.3.1

/**
 * The merges of `bpe_simple_vocab_16e6.txt`, plain or gzipped: a header line, then one pair a line,
 * of which CLIP uses the first 48,894.
 *
 * @param file  path of the file
 * @returns     pairs of symbols, first merge first
 * @throws      UserError when the file is missing, too short, or its merges are not CLIP's
 */
export function readClipMerges(file: string): [string, string][] {
  const wrong = (found: string) =>
    new UserError(
      `${file}: must be CLIP's bpe_simple_vocab_16e6.txt or .txt.gz; ${found}; ` +
        "take the file from github.com/openai/CLIP, clip/",
    );
  const text = readText(file, wrong);
  const lines = text.split("\n", CLIP_MERGES + 1).slice(1);
  if (lines.length < CLIP_MERGES) throw wrong(`it has ${lines.length} merges, not ${CLIP_MERGES}`);
  const merges = lines.map((line) => line.trimEnd());
  const digest = createHash("sha256")
    .update(`${merges.join("\n")}\n`)
    .digest("hex");
  if (digest !== CLIP_SHA256)
    throw wrong(`its merges are others (SHA-256 ${digest}, not ${CLIP_SHA256})`);
  return merges.map((line) => line.split(" ") as [string, string]);
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
