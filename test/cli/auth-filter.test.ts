/** `reactor auth filter`: from a list of breached passwords to the file that the server reads. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readBreachFilter } from "../../src/core/breach-filter.ts";
import { createBench } from "./fake-host.ts";

const bench = createBench();
afterAll(() => bench.remove());

const sha1 = (text: string) => new Bun.CryptoHasher("sha1").update(text).digest();
const hex = (text: string) => sha1(text).toString("hex").toUpperCase();

async function make(list: string, ...more: string[]) {
  writeFileSync(join(bench.dir, "list.txt"), list);
  const ran = await bench.run(["auth", "filter", "list.txt", "out.filter", ...more], {
    cwd: bench.dir,
  });
  const filter = () => readBreachFilter(readFileSync(join(bench.dir, "out.filter")));
  return { ...ran, knows: (text: string) => filter().has(sha1(text)) };
}

test("hashes with and without counts, and plain passwords, are put in", async () => {
  const list = `${hex("one")}:7\r\n${hex("two").toLowerCase()}\nthree\n\n${hex("four")}:1`;
  const { exit, json, knows } = await make(list, "--chance", "0.000001");
  expect(exit).toBe(0);
  expect(json()["data"]).toMatchObject({ entries: 4 });
  expect(["one", "two", "three", "four", "five"].map(knows)).toEqual([
    true,
    true,
    true,
    true,
    false,
  ]);
});

test("those seen less often are left out when asked", async () => {
  const list = `${hex("often")}:100\n${hex("rare")}:2\nplain`;
  const { knows } = await make(list, "--min-count", "10", "--chance", ".000001");
  expect(["often", "plain", "rare"].map(knows)).toEqual([true, true, false]);
});

test("a list that is longer than what is read at once comes in whole", async () => {
  const words = Array.from({ length: 30_000 }, (_, n) => `pässword-${n}`);
  const { json, knows } = await make(words.join("\n"));
  expect(json()["data"]).toMatchObject({ entries: 30_000 });
  expect(words.filter((word) => !knows(word))).toEqual([]);
});

test.each([
  ["an empty list", "\n\n", []],
  ["a chance that is none", "one", ["--chance", "2"]],
  ["a count that is none", "one", ["--min-count", "few"]],
])("%s is refused", async (_what, list, more) => {
  expect((await make(list, ...more)).exit).toBe(1);
});

test("no list at all is refused", async () => {
  const { exit, stdout, stderr } = await bench.run(["auth", "filter", "nothing.txt", "x"], {
    cwd: bench.dir,
  });
  expect([exit, `${stdout}${stderr}`.includes("nothing.txt")]).toEqual([1, true]);
});
