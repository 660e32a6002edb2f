import { expect, test } from "bun:test";
import { LineBlocks } from "./line-blocks.ts";

const newest = (blocks: LineBlocks, count: number) => [...blocks.newestFirst()].slice(0, count);

test("the newest lines stay while memory goes round, whatever characters they hold", () => {
  const blocks = new LineBlocks(500, 4 * 1024 * 1024);
  const line = (at: number) => `${at} é€𝄞 ${"x".repeat(at % 700)}`;
  for (let at = 0; at < 5_000; at += 1) blocks.add(line(at));
  const kept = [...blocks.newestFirst()];
  expect(kept).toEqual(Array.from({ length: 500 }, (_, at) => line(4_999 - at)));
});

test("size bounds them, too", () => {
  const blocks = new LineBlocks(1_000_000, 100_000);
  for (let at = 0; at < 10_000; at += 1) blocks.add(String(at).padStart(99, "0"));
  expect([...blocks.newestFirst()]).toHaveLength(1_000);
  expect(newest(blocks, 1)).toEqual(["9999".padStart(99, "0")]);
});

test("a line longer than a block is kept whole", () => {
  const blocks = new LineBlocks(3, 10_000_000);
  const long = "é".repeat(100_000);
  for (const line of ["a", long, "b", long]) blocks.add(line);
  expect([...blocks.newestFirst()]).toEqual([long, "b", long]);
});
