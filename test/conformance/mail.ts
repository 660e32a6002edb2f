/** What every Mail adapter must do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Mail, MailMessage } from "../../src/core/ports/mail.ts";
import { failure } from "./opened.ts";

export interface OpenedMail {
  readonly mail: Mail;
  /** What arrived for the tenant, oldest first. */
  arrived(): readonly MailMessage[];
  close(): Promise<void>;
}

const a = { id: "tenant-a" };
const message = { to: "ada@example.org", subject: "Hello", text: "A line.\n" };

export function mailConformance(name: string, open: () => Promise<OpenedMail>): void {
  describe(`Mail (${name})`, () => {
    let opened: OpenedMail;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());

    async function sent(one: MailMessage): Promise<MailMessage> {
      await opened.mail.send(a, one);
      const last = opened.arrived().at(-1);
      if (!last) throw new Error("nothing arrived");
      return last;
    }

    test("what is sent arrives, to one person, when send resolves", async () => {
      expect(await sent(message)).toMatchObject(message);
      expect(await sent({ ...message, html: "<p>A line.</p>" })).toMatchObject({
        html: "<p>A line.</p>",
        text: "A line.\n",
      });
    });

    test("letters of any script arrive as they are", async () => {
      const text = "Grüße, 世界, 🙂.\n.\n..\nFrom here\n";
      expect(await sent({ ...message, subject: "Größe 世界 🙂", text })).toMatchObject({
        subject: "Größe 世界 🙂",
        text,
      });
    });

    test.each([
      ["a line break", "ada@example.org\nBcc: eve@example.org"],
      ["a carriage return", "ada@example.org\rRCPT TO:<eve@example.org>"],
      ["two addresses", "ada@example.org, eve@example.org"],
      ["two addresses by semicolon", "ada@example.org;eve@example.org"],
      ["a name", "Ada <ada@example.org>"],
      ["a group", "all: ada@example.org, eve@example.org;"],
      ["a quoted local part", '"eve@example.org\\r\\n"@example.org'],
      ["a comment", "ada@example.org(eve@example.org)"],
      ["a space", "ada@example.org eve@example.org"],
      ["a NUL", "ada@example.org\0"],
      ["an invisible character", "ada@example.org\u200b"],
      ["no domain", "ada"],
      ["two at signs", "ada@eve@example.org"],
      ["nothing", ""],
      ["too much", `${"a".repeat(250)}@example.org`],
    ])("an address with %s is refused", async (_what, to) => {
      const before = opened.arrived().length;
      expect((await failure(opened.mail.send(a, { ...message, to }))).code).toBe("mail_refused");
      expect(opened.arrived()).toHaveLength(before);
    });

    test.each(["Hello\r\nBcc: eve@example.org", "Hello\nX: y", "a\0b", "a\u2028b", "a\u0085b"])(
      "a subject with a control character is refused: %j",
      async (subject) => {
        expect((await failure(opened.mail.send(a, { ...message, subject }))).code).toBe(
          "mail_refused",
        );
      },
    );
  });
}
