/**
 * Number of single-letter insertions, deletions and replacements that turn `a` into `b`.
 *
 * @see Wagner & Fischer 1974, "The string-to-string correction problem", J. ACM 21(1)
 */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** The part of a dotted name after its last dot. */
function lastPart(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/**
 * The known name that is spelt most like `name`. A dotted name is compared whole and by its last
 * part, so that "poolSize" finds "roclip.poolSize"; the whole name decides between equals.
 *
 * @param name   what was written
 * @param known  at least one name
 * @returns      one of `known`; the first of equals
 */
export function nearestName(name: string, known: readonly string[]): string {
  const ranked = known.map((candidate) => {
    const whole = editDistance(name.toLowerCase(), candidate.toLowerCase());
    const last = editDistance(lastPart(name).toLowerCase(), lastPart(candidate).toLowerCase());
    return { candidate, score: Math.min(whole, last) + whole / 1000 };
  });
  return ranked.reduce((best, next) => (next.score < best.score ? next : best)).candidate;
}
