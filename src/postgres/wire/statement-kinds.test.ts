import { expect, test } from "bun:test";
import { StatementKind, StatementKinds } from "./statement-kinds.ts";

test("two roles never share a kind, nor two statements", () => {
  const kinds = new StatementKinds();
  const all = [
    kinds.query("anon", "select 1"),
    kinds.query("service_role", "select 1"),
    kinds.query("anon", "select 2"),
    kinds.query("anonselect 1", ""),
    kinds.other("select 1"),
  ];
  expect(new Set(all).size).toBe(5);
  expect(kinds.query("anon", "select 1")).toBe(all[0] as StatementKind);
  expect(kinds.other("select 1")).toBe(all[4] as StatementKind);
});

test("the names of the settings, their order and read-only decide on their statement", () => {
  const kinds = new StatementKinds();
  const valued = (names: string[]) => names.map((name) => [name, String(Math.random())] as const);
  const of = (names: string[], readOnly = false, roleNames: string[] = []) =>
    kinds.settings({
      role: "anon",
      sql: "",
      params: [],
      settings: valued(names),
      roleSettings: valued(roleNames),
      readOnly,
    });
  const all: Parameters<typeof of>[] = [
    [["a", "b"]],
    [["b", "a"]],
    [["a", "b"], true],
    [["a"]],
    [[]],
    [["b"], false, ["a"]],
    [[], false, ["a", "b"]],
  ];
  const seen = all.map((one) => of(...one));
  expect(new Set(seen).size).toBe(all.length);
  for (const [at, one] of all.entries()) {
    expect(of(...one)).toBe(seen[at] as StatementKind);
    expect(of(...one)).toBe(seen[at] as StatementKind);
  }
});

test("a query is slow until it was seen to be quick, and again once it slows down", () => {
  const kind = new StatementKind(1);
  expect([kind.isSlow, kind.isQuick]).toEqual([true, false]);
  kind.note(0.2);
  expect([kind.isSlow, kind.isQuick]).toEqual([false, true]);
  kind.note(20);
  expect([kind.isSlow, kind.isQuick]).toEqual([false, false]);
  kind.note(500);
  expect([kind.isSlow, kind.isQuick]).toEqual([true, false]);
});

test("only so many kinds are remembered, the oldest go, and long ones never stay", () => {
  const kinds = new StatementKinds();
  const first = kinds.query("anon", "select 0");
  const second = kinds.query("anon", "select 1");
  for (let at = 2; at <= 2_000; at += 1) kinds.query("anon", `select ${at}`);
  expect(kinds.query("anon", "select 1")).toBe(second);
  expect(kinds.query("anon", "select 0")).not.toBe(first);
  const long = "x".repeat(16_384);
  expect(kinds.query("anon", long)).not.toBe(kinds.query("anon", long));
});

test("what is quick may share a transaction, and not for a while after it failed in one", () => {
  const kind = new StatementKind(1);
  expect(kind.mayShare).toBe(false);
  kind.note(0.2);
  expect(kind.mayShare).toBe(true);
  kind.keepAlone();
  for (let at = 0; at < 63; at += 1) kind.note(0.2);
  expect([kind.isQuick, kind.mayShare]).toEqual([true, false]);
  kind.note(0.2);
  expect(kind.mayShare).toBe(true);
  kind.forget();
  expect([kind.isQuick, kind.isSlow, kind.mayShare]).toEqual([false, true, false]);
});

test("settings made again in a transaction are a kind of their own", () => {
  const kinds = new StatementKinds();
  const query = { role: "anon", settings: [["a", "1"]], sql: "", params: [] } as const;
  const again = kinds.settingsAgain(query);
  expect(again).not.toBe(kinds.settings(query));
  expect(kinds.settingsAgain({ ...query, settings: [["a", "2"]] })).toBe(again);
  expect(kinds.settingsAgain({ ...query, readOnly: true })).not.toBe(again);
});
