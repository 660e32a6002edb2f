/**
 * "Perhaps you meant …": the known name most like a mistyped one. As in the fuzzy sets that
 * PostgREST searches, names that share no three letters in a row are tried only when none does,
 * names that share no two are not tried, and the edit distance decides among the rest.
 */

/** @param minScore 0 to 1; similarity below it suggests nothing. */
export function nearestName(
  name: string,
  candidates: Iterable<string>,
  minScore: number,
): string | null {
  if (!isShort(name)) return null;
  const known = [...new Set(candidates)].filter((k) => isShort(k) && bound(name, k) >= minScore);
  for (const size of [3, 2]) {
    const grams = new Set(gramsOf(name, size));
    const similar = known.filter((k) => gramsOf(k, size).some((gram) => grams.has(gram)));
    const best = bestOf(name, similar, minScore);
    if (best !== null) return best;
  }
  return null;
}

function bestOf(name: string, candidates: readonly string[], minScore: number): string | null {
  let best: string | null = null;
  let bestScore = 0;
  const lower = name.toLowerCase();
  for (const candidate of candidates) {
    if (bound(name, candidate) <= bestScore) continue;
    const longest = Math.max(name.length, candidate.length);
    const most = Math.floor((1 - Math.max(minScore, bestScore)) * longest);
    const score = 1 - distance(lower, candidate.toLowerCase(), most) / longest;
    if (score >= minScore && score > bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

/** No score is higher: what one name has more is edited away. Anybody asks for names that are not there. */
function bound(a: string, b: string): number {
  return Math.min(a.length, b.length) / Math.max(a.length, b.length);
}

/** Names are at most 63 bytes; a longer text resembles none of them, and costs time. */
function isShort(name: string): boolean {
  return name.length > 0 && name.length <= 128;
}

/** Every run of `size` characters, with the ends of the name as characters. */
function gramsOf(name: string, size: number): string[] {
  const text = `-${name.toLowerCase().replace(/[^\p{L}\p{N}_, ]/gu, "")}-`;
  return Array.from({ length: Math.max(text.length - size + 1, 0) }, (_, i) =>
    text.slice(i, i + size),
  );
}

/** Levenshtein distance; beyond `most` any number beyond it. */
function distance(a: string, b: string, most: number): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const cost = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, substitution);
      current.push(cost);
      if (cost < least) least = cost;
    }
    if (least > most) return least;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
