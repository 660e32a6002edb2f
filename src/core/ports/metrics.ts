/** Prometheus-style instruments. Names are `reactor_<what>_<unit>`; label values must be bounded sets. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(labels: Labels, by?: number): void;
  /** The series of these labels, looked up once: for hot paths. */
  bind(labels: Labels): (by?: number) => void;
}
export interface Gauge {
  set(labels: Labels, value: number): void;
}
export interface Histogram {
  /** `value` in the unit of the name. */
  observe(labels: Labels, value: number): void;
  /** The series of these labels, looked up once: for hot paths. */
  bind(labels: Labels): (value: number) => void;
}

export interface Metrics {
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  /** Called at each scrape, to set gauges that are read rather than counted (pools, processes). */
  onCollect(read: () => void): void;
  /** Prometheus text exposition format 0.0.4. */
  render(): string;
}

/** How much a server is asked, for those that leave room for others. */
export interface Traffic {
  /** Requests that have come so far, over every listener. It only grows. */
  begun(): number;
}
