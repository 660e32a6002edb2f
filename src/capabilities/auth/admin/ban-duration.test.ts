/** Durations in Go's notation. */
import { expect, test } from "bun:test";
import { parseBanDuration } from "./ban-duration.ts";

test.each([
  ["24h", 86_400_000],
  ["1h30m", 5_400_000],
  ["300ms", 300],
  ["1.5h", 5_400_000],
  ["999999999h", 100 * 365 * 24 * 3_600_000],
])("%p is %p ms", (text, want) => {
  expect(parseBanDuration(text)).toBe(want);
});

test.each(["", "1", "h", "-1h", "1d", "1h ", "1e9h", "1h1h1h1h1h", "１h"])(
  "%p is no duration",
  (text) => {
    expect(parseBanDuration(text)).toBeNull();
  },
);
