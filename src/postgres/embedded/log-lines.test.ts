import { expect, test } from "bun:test";
import type { LogFields, Logger } from "../../core/ports/log.ts";
import { logRecord, parseRecord, signalOf } from "./log-lines.ts";

function recorder() {
  const lines: [level: string, fields: LogFields | undefined][] = [];
  const log: Logger = {
    debug: (_, fields) => lines.push(["debug", fields]),
    info: (_, fields) => lines.push(["info", fields]),
    warn: (_, fields) => lines.push(["warn", fields]),
    error: (_, fields) => lines.push(["error", fields]),
    with: () => log,
  };
  return { log, lines };
}

function logged(line: string, postmaster = 7): readonly unknown[] {
  const { log, lines } = recorder();
  logRecord(log, parseRecord(line), postmaster);
  return lines.map(([level, fields]) => [level, fields?.["message"]]);
}

test("severities become levels", () => {
  expect(logged("@7|00000|LOG:  starting")).toEqual([["debug", "starting"]]);
  expect(logged("@9|01000|WARNING:  odd")).toEqual([["warn", "odd"]]);
  expect(logged("@9|53100|PANIC:  no room")).toEqual([["error", "no room"]]);
  expect(logged("@9|28000|FATAL:  no such role")).toEqual([["warn", "no such role"]]);
});

test("errors of statements and what follows them stay out of the log: they may hold personal data", () => {
  expect(logged("@9|23505|ERROR:  duplicate key")).toEqual([]);
  expect(logged("@9|23505|DETAIL:  Key (email)=(a@example.org) already exists.")).toEqual([]);
  expect(logged("@9|23505|STATEMENT:  insert into t values ('secret')")).toEqual([]);
});

test("the postmaster's own hints and the loader's words are kept", () => {
  expect(logged("@7|42501|HINT:  look there")).toEqual([["warn", "look there"]]);
  expect(logged("postgres: error while loading shared libraries")).toHaveLength(1);
});

test("refusals while PostgreSQL starts or stops are no news", () => {
  expect(logged("@9|57P03|FATAL:  the database system is starting up")).toEqual([]);
});

test("what the supervisor must react to is told by code and text", () => {
  const signal = (line: string) => signalOf(parseRecord(line));
  expect(signal("@9|53100|PANIC:  could not write to file")).toBe("disk_full");
  expect(signal("@9|53100|ERROR:  could not extend file")).toBeNull();
  expect(signal("@7|00000|LOG:  all server processes terminated; reinitializing")).toBe(
    "reinitializing",
  );
  expect(signal("@7|00000|LOG:  database system is ready to accept connections")).toBe("ready");
  expect(signal("@7|00000|LOG:  starting")).toBeNull();
});
