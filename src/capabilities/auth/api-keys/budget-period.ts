/** The period of a budget that a moment falls into, in UTC. */
import type { BudgetPeriod } from "./schema.ts";

export interface CurrentPeriod {
  /** As kept with what was drawn: `2026-01-31`, `2026-01`, `total`. */
  readonly name: string;
  /** Milliseconds since the epoch; a day on for a budget that never begins again. */
  readonly endsAt: number;
}

const DAY_MS = 24 * 3_600_000;

/** @param now milliseconds since the epoch */
export function budgetPeriod(period: BudgetPeriod, now: number): CurrentPeriod {
  const text = new Date(now).toISOString();
  const [year, month] = [Number(text.slice(0, 4)), Number(text.slice(5, 7))];
  switch (period) {
    case "day":
      return { name: text.slice(0, 10), endsAt: (Math.floor(now / DAY_MS) + 1) * DAY_MS };
    case "month":
      return { name: text.slice(0, 7), endsAt: Date.UTC(year, month) };
    case "total":
      return { name: "total", endsAt: now + DAY_MS };
  }
}
