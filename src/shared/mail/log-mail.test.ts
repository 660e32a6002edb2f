import { expect, test } from "bun:test";
import { createMemoryLog } from "../../../test/support/memory-log.ts";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import { createLogMail } from "./log-mail.ts";

const [a, b] = [{ id: "a" }, { id: "b" }];

test("a message is kept for its tenant, and its text is logged at debug level only", async () => {
  const log = createMemoryLog();
  const mail = createLogMail({ clock: createSimClock(), log });
  await mail.send(a, { to: "x@example.org", subject: "Hello", text: "link with a token" });
  expect(mail.inbox(a)).toEqual([
    {
      to: "x@example.org",
      subject: "Hello",
      text: "link with a token",
      at: "2026-01-01T00:00:00.000Z",
    },
  ]);
  expect(mail.inbox(b)).toEqual([]);
  const loud = log.lines.filter((line) => line.level !== "debug");
  expect(loud).toHaveLength(1);
  expect(JSON.stringify(loud)).not.toContain("token");
});

test("the inbox keeps the latest hundred", async () => {
  const mail = createLogMail({ clock: createSimClock(), log: createMemoryLog() });
  for (let i = 0; i < 120; i++) await mail.send(a, { to: "x", subject: `${i}`, text: "" });
  expect(mail.inbox(a)).toHaveLength(100);
  expect(mail.inbox(a)[0]?.subject).toBe("20");
});
