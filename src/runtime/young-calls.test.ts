import { expect, test } from "bun:test";
import { YoungCalls } from "./young-calls.ts";

test("a call grows up between one and two ticks, once, unless it is over", () => {
  const calls = new YoungCalls();
  const grown: string[] = [];
  const add = (name: string) => calls.add(() => grown.push(name));
  add("first");
  const over = add("over at once");
  const later = add("over after a tick");
  over();
  calls.tick();
  later();
  add("second");
  expect(grown).toEqual([]);
  calls.tick();
  expect(grown).toEqual(["first"]);
  calls.tick();
  calls.tick();
  expect(grown).toEqual(["first", "second"]);
});
