import { expect, test } from "bun:test";
import { storableTime } from "./storable-time.ts";

test.each([
  ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"],
  ["0001-01-01", "0001-01-01T00:00:00.000Z"],
  ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
])("%s is one", (text, time) => {
  expect(storableTime(text)?.toISOString()).toBe(time);
});

test.each([
  "yesterday",
  "0000-12-31",
  "-271821-04-20T00:00:00Z",
  "+275760-09-13",
  "9999-12-31T23:59:59-12:00",
])("%s is none", (text) => {
  expect(storableTime(text)).toBeNull();
});
