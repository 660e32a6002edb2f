/**
 * Okapi BM25 over lines of text: a word of the query that few lines have counts for more, a line that
 * says it more often for more, a long line for less. A word that only begins with the query's counts
 * for part of one, so that "metal" finds "Metallica" behind "Heavy Metal".
 */
import { Words } from "./words";

const K1: f64 = 1.2;
const B: f64 = 0.75;
const PREFIX_WEIGHT: f64 = 0.35;
/** A shorter beginning would match half of everything. */
const PREFIX_MIN: i32 = 3;
const TERMS_MAX: i32 = 16;

/** A line that has at least one word of the query. */
export class Match {
  score: f64 = 0;
  readonly counts: StaticArray<f64>;

  constructor(
    /** Where its text begins and ends. */
    readonly from: i32,
    readonly to: i32,
    readonly words: i32,
    terms: i32,
  ) {
    this.counts = new StaticArray<f64>(terms);
  }
}

export class Ranking {
  private readonly terms: StaticArray<u8>[] = [];
  private readonly linesWith: StaticArray<i32> = new StaticArray<i32>(TERMS_MAX);
  private readonly counts: StaticArray<f64> = new StaticArray<f64>(TERMS_MAX);
  private readonly matches: Match[] = [];
  private readonly words: Words;
  private lines: i32 = 0;
  private total: i32 = 0;

  constructor(bytes: Uint8Array) {
    this.words = new Words(bytes);
  }

  /** Words of the query, each once. How many there are now. */
  query(from: i32, to: i32): i32 {
    this.words.over(from, to);
    while (this.terms.length < TERMS_MAX && this.words.next()) {
      const term = this.words.word.slice<StaticArray<u8>>(0, this.words.length);
      if (!this.has(term)) this.terms.push(term);
    }
    return this.terms.length;
  }

  /** One line; `from` to `to` is its text. */
  line(from: i32, to: i32): void {
    this.counts.fill(0);
    this.words.over(from, to);
    let words = 0;
    let found = false;
    while (this.words.next()) {
      words++;
      if (this.count()) found = true;
    }
    this.lines++;
    this.total += words;
    if (!found) return;
    const match = new Match(from, to, words, this.terms.length);
    for (let term = 0; term < this.terms.length; term++) {
      match.counts[term] = this.counts[term];
      if (this.counts[term] > 0) this.linesWith[term]++;
    }
    this.matches.push(match);
  }

  /** The best `limit`, best first; equals in the order of the input. */
  best(limit: i32): Match[] {
    const average = f64(this.total) / f64(max(1, this.lines));
    const best: Match[] = [];
    for (let i = 0; i < this.matches.length; i++) {
      const match = this.matches[i];
      match.score = this.score(match, average);
      let at = best.length;
      while (at > 0 && best[at - 1].score < match.score) at--;
      if (at >= limit) continue;
      if (best.length == limit) best.pop();
      best.push(match);
      for (let j = best.length - 1; j > at; j--) best[j] = best[j - 1];
      best[at] = match;
    }
    return best;
  }

  private score(match: Match, average: f64): f64 {
    const length = 1 - B + (B * f64(match.words)) / average;
    let score: f64 = 0;
    for (let term = 0; term < this.terms.length; term++) {
      const count = match.counts[term];
      if (count == 0) continue;
      const having = f64(this.linesWith[term]);
      const rarity = Math.log(1 + (f64(this.lines) - having + 0.5) / (having + 0.5));
      score += (rarity * count * (K1 + 1)) / (count + K1 * length);
    }
    return score;
  }

  /** Counts the current word for each term that it is or begins with. */
  private count(): bool {
    let found = false;
    for (let term = 0; term < this.terms.length; term++) {
      const wanted = this.terms[term];
      const length = this.words.length;
      if (wanted.length > length || !this.begins(wanted)) continue;
      if (wanted.length < length && wanted.length < PREFIX_MIN) continue;
      this.counts[term] += wanted.length == length ? 1 : PREFIX_WEIGHT;
      found = true;
    }
    return found;
  }

  private begins(wanted: StaticArray<u8>): bool {
    for (let i = 0; i < wanted.length; i++) {
      if (unchecked(wanted[i]) != unchecked(this.words.word[i])) return false;
    }
    return true;
  }

  private has(term: StaticArray<u8>): bool {
    for (let i = 0; i < this.terms.length; i++) {
      if (this.terms[i].length == term.length && this.same(this.terms[i], term)) return true;
    }
    return false;
  }

  private same(a: StaticArray<u8>, b: StaticArray<u8>): bool {
    for (let i = 0; i < a.length; i++) if (a[i] != b[i]) return false;
    return true;
  }
}
