/** Log lines are JSON, bounded, redacted, and never make the caller fail. */
import { expect, test } from "bun:test";
import type { Clock } from "../../core/ports/clock.ts";
import type { LogLine } from "../../core/ports/log.ts";
import { createLog, type LogOptions, resolveLogFormat } from "./create-log.ts";
import { createLogBuffer } from "./log-buffer.ts";
import { logLine } from "./log-line.ts";

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const clock: Clock = {
  now: () => TIME,
  monotonic: () => 0,
  sleep: () => Promise.resolve(),
  after: () => () => undefined,
  every: () => () => undefined,
};

function setup(options: Partial<LogOptions> = {}) {
  const out: string[] = [];
  const sink = { write: (text: string) => void out.push(text), flush: () => Promise.resolve() };
  const log = createLog({ clock, level: "info", format: "json", color: false, sink, ...options });
  const last = () => JSON.parse(out.at(-1) ?? "null") as Record<string, unknown>;
  return { ...log, out, last };
}

test("a line is one JSON object with time, level, event and the fields of all parents", () => {
  const { logger, last } = setup();
  logger.with({ capability: "data" }).with({ request_id: "r" }).info("data.read", { rows: 3 });
  expect(last()).toEqual({
    time: "2026-01-02T03:04:05.006Z",
    level: "info",
    event: "data.read",
    capability: "data",
    request_id: "r",
    rows: 3,
  });
});

test("lines below the level are neither written nor kept", () => {
  const { logger, out, buffer } = setup({ level: "warn" });
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  expect(out.map((line) => JSON.parse(line).event)).toEqual(["c", "d"]);
  expect(buffer.recent().map((line) => line.event)).toEqual(["c", "d"]);
});

test("errors carry stack, code and the chain of causes", () => {
  const { logger, last } = setup();
  const root = Object.assign(new Error("disk"), { code: "ENOSPC" });
  logger.error("x", { error: new TypeError("write failed", { cause: root }) });
  const error = last()["error"] as Record<string, unknown>;
  expect(error["name"]).toBe("TypeError");
  expect(error["stack"]).toContain("create-log.test");
  expect(error["cause"]).toMatchObject({ message: "disk", code: "ENOSPC" });
});

test("secrets are redacted by key at any depth, and passwords in URLs", () => {
  const { logger, out } = setup();
  logger.info("x", {
    password: "hunter2",
    nested: { Authorization: "Bearer hunter2", headers: { "set-cookie": ["hunter2"] } },
    apikey: 42_4242,
    refresh_token: new Map([["a", "hunter2"]]),
    url: "postgres://me:hunter2@host/db",
    error: new Error("cannot reach postgres://me:hunter2@host/db"),
  });
  expect(out.join()).not.toContain("hunter2");
  expect(out.join()).not.toContain("424242");
  expect(out.join()).toContain("postgres://me:********@host/db");
});

test("no value makes logging fail", () => {
  const { logger, last } = setup();
  const cycle: Record<string, unknown> = { a: 1 };
  cycle["self"] = cycle;
  const hostile = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error("no");
      },
    },
  );
  const selfCause = new Error("loop");
  selfCause.cause = selfCause;
  logger.info("x", {
    big: 10n ** 30n,
    cycle,
    hostile,
    getter: {
      get bad() {
        throw new Error("no");
      },
      good: 1,
    },
    nan: Number.NaN,
    fn: () => 1,
    symbol: Symbol("s"),
    bytes: new Uint8Array(9),
    date: new Date(TIME),
    badDate: new Date(Number.NaN),
    set: new Set([1]),
    selfCause,
    absent: undefined,
    level: "mine",
  });
  expect(last()).toMatchObject({
    level: "info",
    big: "1000000000000000000000000000000",
    cycle: { a: 1, self: "[cycle]" },
    hostile: "[unreadable]",
    getter: { bad: "[unreadable]", good: 1 },
    nan: "NaN",
    fn: "[function]",
    symbol: "[symbol]",
    bytes: "[9 bytes]",
    date: "2026-01-02T03:04:05.006Z",
    badDate: "[invalid date]",
    set: [1],
    _level: "mine",
  });
  expect("absent" in last()).toBe(false);
});

test("a line is at most 16 KiB and keeps its small fields", () => {
  const fields = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`f${i}`, "é".repeat(3000)]),
  );
  const { json, line } = logLine(TIME, "info", "big", { small: 1 }, fields);
  expect(Buffer.byteLength(json)).toBeLessThanOrEqual(16_384);
  expect(line).toMatchObject({ event: "big", small: 1, truncated: true });
  expect(JSON.parse(json)).toEqual(line);
});

test("the buffer keeps the newest lines within count and size, and filters", () => {
  const buffer = createLogBuffer(3, 10_000);
  for (let i = 0; i < 5000; i++) {
    const level = i % 2 === 0 ? "info" : "error";
    buffer.add(logLine(TIME + i, level, `e${i}`, { capability: i === 4999 ? "auth" : "data" }));
  }
  const names = (lines: LogLine[]) => lines.map((line) => line.event);
  expect(names(buffer.recent())).toEqual(["e4997", "e4998", "e4999"]);
  expect(names(buffer.recent({ level: "warn" }))).toEqual(["e4997", "e4999"]);
  expect(names(buffer.recent({ capability: "auth" }))).toEqual(["e4999"]);
  expect(names(buffer.recent({ sinceMs: TIME + 4998 }))).toEqual(["e4998", "e4999"]);
  expect(names(buffer.recent({ limit: 1 }))).toEqual(["e4999"]);
  const small = createLogBuffer(100, 300);
  for (let i = 0; i < 10; i++) small.add(logLine(TIME, "info", `e${i}`, { text: "x".repeat(60) }));
  expect(small.recent().length).toBe(2);
});

test("followers hear lines until they leave, and one that throws is dropped", () => {
  const { logger, buffer } = setup();
  const heard: string[] = [];
  const leave = buffer.subscribe((line) => void heard.push(line.event));
  let calls = 0;
  buffer.subscribe(() => {
    calls++;
    throw new Error("broken");
  });
  logger.info("one");
  logger.info("two");
  leave();
  logger.info("three");
  expect(heard).toEqual(["one", "two"]);
  expect(calls).toBe(1);
});

test("the pretty format is one readable line, and text cannot drive the terminal", () => {
  const { logger, out } = setup({ format: "pretty" });
  logger.info("http.request", { method: "GET", status: 200, path: "/a b\x1b[2J\n\u202e" });
  expect(out[0]).toMatch(
    /^\d\d:\d\d:05\.006 INFO {2}http\.request {15}method=GET status=200 path="\/a b\\u001b\[2J\\n\\u202e"$/,
  );
  logger.error("x.failed", { error: new Error("top\x1b[31m", { cause: new Error("root") }) });
  expect(out[1]).toContain("caused by Error: root");
  expect(out[1]).not.toContain("\x1b");
});

test("colour is used only when asked for, and auto follows the terminal", () => {
  const { logger, out } = setup({ format: "pretty", color: true });
  logger.warn("a");
  expect(out[0]).toContain("\x1b[33mWARN");
  expect(resolveLogFormat("auto", true)).toBe("pretty");
  expect(resolveLogFormat("auto", false)).toBe("json");
  expect(resolveLogFormat("json", true)).toBe("json");
});

test("the line of an answer is the same whether it is written by hand or not", () => {
  const { access, out, last, buffer } = setup();
  const entry = {
    id: "0190aaaa-0000-7000-8000-000000000001",
    method: "GET",
    path: "/data/v1/items",
    route: "/data/v1/:table",
    status: 200,
    ms: 1.23456,
    peer: "127.0.0.1",
  };
  access(entry);
  const { id, ...rest } = entry;
  const head = { time: "2026-01-02T03:04:05.006Z", level: "info", event: "http.request" };
  expect(last()).toEqual({ ...head, request_id: id, ...rest, ms: 1.235 });
  access({ ...entry, path: "/a://me:hunter2@b", peer: '"\n' });
  expect(last()).toEqual({
    ...head,
    request_id: id,
    ...rest,
    ms: 1.235,
    path: "/a://me:********@b",
    peer: '"\n',
  });
  expect(out.every((line) => !line.includes("\n"))).toBe(true);
  expect(buffer.recent().map(({ event }) => event)).toEqual(["http.request", "http.request"]);
  const quiet = setup({ level: "warn" });
  quiet.access(entry);
  expect(quiet.out).toEqual([]);
  const pretty = setup({ format: "pretty" });
  pretty.access(entry);
  expect(pretty.out[0]).toContain("method=GET path=/data/v1/items");
});
