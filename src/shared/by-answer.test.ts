import { expect, test } from "bun:test";
import { ByAnswer } from "./by-answer.ts";

test("each method, route and status has its own, made once", () => {
  const made: string[] = [];
  const by = new ByAnswer((method, route, status) => {
    made.push(`${method} ${route} ${status}`);
    return { method, route, status };
  });
  const all = ["GET", "HEAD"].flatMap((method) =>
    ["/a", "/b"].flatMap((route) => [200, 404].map((status) => ({ method, route, status }))),
  );
  for (let round = 0; round < 2; round += 1) {
    for (const one of all) expect(by.of(one.method, one.route, one.status)).toEqual(one);
  }
  expect(made).toHaveLength(8);
});
