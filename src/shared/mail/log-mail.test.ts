import { expect, test } from "bun:test";
import { createMemoryLog } from "../../../test/support/memory-log.ts";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import { createIds } from "../ids.ts";
import { systemRng } from "../rng.ts";
import { createInbox } from "./inbox.ts";
import { createLogMail } from "./log-mail.ts";

const [a, b] = [{ id: "a" }, { id: "b" }];

function logMail() {
  const log = createMemoryLog();
  const clock = createSimClock();
  return {
    log,
    mail: createLogMail({
      log,
      inbox: createInbox(clock, createIds(clock, systemRng)),
      development: true,
    }),
  };
}

test("a message is kept for its tenant, and its text is in no line of the log", async () => {
  const { log, mail } = logMail();
  await mail.send(a, { to: "x@example.org", subject: "Hello", text: "link with a token" });
  expect(mail.inbox.list(a)).toMatchObject([
    {
      channel: "mail",
      to: "x@example.org",
      subject: "Hello",
      text: "link with a token",
      at: "2026-01-01T00:00:00.000Z",
    },
  ]);
  expect(mail.inbox.list(b)).toEqual([]);
  expect(log.lines).toHaveLength(1);
  expect(JSON.stringify(log.lines)).not.toContain("token");
});

test("the inbox keeps the latest hundred", async () => {
  const { mail } = logMail();
  for (let i = 0; i < 120; i++) {
    await mail.send(a, { to: "x@example.org", subject: `${i}`, text: "" });
  }
  expect(mail.inbox.list(a)).toHaveLength(100);
  expect(mail.inbox.list(a)[0]?.subject).toBe("20");
});
