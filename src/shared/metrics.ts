/**
 * The metrics registry: counters, gauges and histograms in Prometheus text exposition format 0.0.4
 * (Prometheus docs, Exposition formats). Adding to a series is a map lookup and an addition.
 */
import type { Counter, Gauge, Histogram, Labels, Metrics } from "../core/ports/metrics.ts";

/** Series of one metric beyond this are folded into one with the label `overflow`. */
const SERIES_MAX = 1_000;
const OVERFLOW: Labels = { overflow: "true" };

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  lines(): Iterable<string>;
}

/** Values by label set, bounded. */
class SeriesMap<T> {
  readonly #series = new Map<string, T>();
  readonly #create: () => T;

  constructor(create: () => T) {
    this.#create = create;
  }

  of(labels: Labels): T {
    return this.#at(labelText(labels)) ?? this.#at(labelText(OVERFLOW)) ?? this.#create();
  }

  #at(key: string): T | undefined {
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const isOverflow = key === labelText(OVERFLOW);
    if (this.#series.size >= SERIES_MAX && !isOverflow) return undefined;
    const made = this.#create();
    this.#series.set(key, made);
    return made;
  }

  entries(): Iterable<[string, T]> {
    return this.#series.entries();
  }
}

function labelText(labels: Labels): string {
  let text = "";
  for (const name in labels) {
    const value = labels[name] ?? "";
    text += `${text === "" ? "" : ","}${name}="${escapeLabel(value)}"`;
  }
  return text;
}

function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : value;
}

/** The format writes infinities with a sign and three letters. */
function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}

function sample(name: string, labels: string, value: number): string {
  const text = numberText(value);
  return labels === "" ? `${name} ${text}` : `${name}{${labels}} ${text}`;
}

interface Cell {
  value: number;
}

interface Buckets {
  readonly counts: number[];
  sum: number;
  count: number;
}

function* histogramLines(
  name: string,
  bounds: readonly number[],
  series: SeriesMap<Buckets>,
): Generator<string> {
  for (const [labels, { counts, sum, count }] of series.entries()) {
    const prefix = labels === "" ? "" : `${labels},`;
    let below = 0;
    for (const [at, bound] of bounds.entries()) {
      below += counts[at] ?? 0;
      yield sample(`${name}_bucket`, `${prefix}le="${bound}"`, below);
    }
    yield sample(`${name}_bucket`, `${prefix}le="+Inf"`, count);
    yield sample(`${name}_sum`, labels, sum);
    yield sample(`${name}_count`, labels, count);
  }
}

function* cellLines(name: string, series: SeriesMap<Cell>): Generator<string> {
  for (const [labels, { value }] of series.entries()) yield sample(name, labels, value);
}

function renderFamily(family: Family): string {
  const help = family.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const head = `# HELP ${family.name} ${help}\n# TYPE ${family.name} ${family.type}\n`;
  const lines = [...family.lines()];
  return lines.length === 0 ? head : `${head}${lines.join("\n")}\n`;
}

/** An empty registry. Asking twice for one name gives the first instrument. */
export function createMetrics(): Metrics {
  const families = new Map<string, Family & { readonly instrument: unknown }>();
  const readers: (() => void)[] = [];

  const once = <T>(name: string, make: () => Omit<Family, "name"> & { instrument: T }): T => {
    const known = families.get(name);
    if (known) return known.instrument as T;
    const made = { name, ...make() };
    families.set(name, made);
    return made.instrument;
  };

  return {
    counter: (name, help) =>
      once<Counter>(name, () => {
        const series = new SeriesMap<Cell>(() => ({ value: 0 }));
        const instrument: Counter = {
          add: (labels, by = 1) => {
            series.of(labels).value += by;
          },
          bind(labels) {
            const cell = series.of(labels);
            return (by = 1) => {
              cell.value += by;
            };
          },
        };
        return { help, type: "counter", instrument, lines: () => cellLines(name, series) };
      }),
    gauge: (name, help) =>
      once<Gauge>(name, () => {
        const series = new SeriesMap<Cell>(() => ({ value: 0 }));
        const instrument: Gauge = {
          set: (labels, value) => {
            series.of(labels).value = value;
          },
        };
        return { help, type: "gauge", instrument, lines: () => cellLines(name, series) };
      }),
    histogram: (name, help, bounds) =>
      once<Histogram>(name, () => {
        const series = new SeriesMap<Buckets>(() => ({
          counts: bounds.map(() => 0),
          sum: 0,
          count: 0,
        }));
        const instrument: Histogram = {
          observe: (labels, v) => observe(series.of(labels), bounds, v),
          bind(labels) {
            const buckets = series.of(labels);
            return (v) => observe(buckets, bounds, v);
          },
        };
        const lines = () => histogramLines(name, bounds, series);
        return { help, type: "histogram", instrument, lines };
      }),
    onCollect: (read) => void readers.push(read),
    render() {
      for (const read of readers) read();
      return [...families.values()].map(renderFamily).join("");
    },
  };
}

function observe(buckets: Buckets, bounds: readonly number[], value: number): void {
  buckets.sum += value;
  buckets.count += 1;
  for (let at = 0; at < bounds.length; at += 1) {
    if (value > (bounds[at] ?? 0)) continue;
    buckets.counts[at] = (buckets.counts[at] ?? 0) + 1;
    return;
  }
}
