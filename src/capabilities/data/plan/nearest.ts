/** "Perhaps you meant …": the known name most like a mistyped one. */

/** @param minScore 0 to 1; similarity below it suggests nothing. */
export function nearestName(
  name: string,
  candidates: Iterable<string>,
  minScore: number,
): string | null {
  let best: string | null = null;
  let bestScore = minScore;
  for (const candidate of candidates) {
    const longest = Math.max(name.length, candidate.length);
    // Names are at most 63 bytes; a longer text resembles none of them.
    if (longest === 0 || longest > 128) continue;
    const score = 1 - distance(name.toLowerCase(), candidate.toLowerCase()) / longest;
    if (score >= bestScore && (best === null || score > bestScore)) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
