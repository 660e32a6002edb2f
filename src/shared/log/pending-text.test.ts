import { expect, test } from "bun:test";
import { PendingText } from "./pending-text.ts";

function drain(pending: PendingText): string {
  let text = "";
  while (!pending.isEmpty) {
    const bytes = pending.take();
    text += bytes.toString("utf8");
    pending.giveBack(bytes);
  }
  return text;
}

test("lines come out as they went in, while memory is used again", () => {
  const pending = new PendingText();
  let expected = "";
  let text = "";
  for (let at = 0; at < 3_000; at += 1) {
    const line = `${at} é€𝄞 ${"x".repeat((at * 37) % 900)}`;
    pending.add(line);
    expected += `${line}\n`;
    if (at % 97 === 0) text += drain(pending);
  }
  expect(text + drain(pending)).toBe(expected);
});

test("what is being written is not overwritten by what comes meanwhile", () => {
  const pending = new PendingText();
  pending.add("first");
  const bytes = pending.take();
  for (let at = 0; at < 5_000; at += 1) pending.add("x".repeat(100));
  expect(bytes.toString()).toBe("first\n");
});

test("a line longer than a slab comes out whole", () => {
  const pending = new PendingText();
  const long = "é".repeat(200_000);
  for (const line of ["a", long, "b"]) pending.add(line);
  expect(drain(pending)).toBe(`a\n${long}\nb\n`);
});

test("what waits too long is dropped and counted", () => {
  const pending = new PendingText();
  for (let at = 0; at < 50_000; at += 1) pending.add("x".repeat(99));
  const lines = drain(pending).trimEnd().split("\n");
  const dropped = JSON.parse(lines.find((line) => line.startsWith("{")) ?? "null");
  expect(dropped).toMatchObject({ event: "log.dropped" });
  expect(lines.length - 1 + dropped.lines).toBe(50_000);
  expect(lines.length).toBeLessThan(44_000);
});
