/** The mail port: kept in the log's inbox, and sent to a real SMTP server. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import type { SMTPServerOptions } from "smtp-server";
import { type MailConfig, mailSection } from "../../src/core/config/mail-section.ts";
import type { Mail } from "../../src/core/ports/mail.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { openMail } from "../../src/shared/mail/open-mail.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createMemoryVault } from "../../src/shared/vault/memory-vault.ts";
import { selfSigned } from "../server/self-signed.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { openSmtp, type TestSmtp } from "../support/smtp-server.ts";
import { mailConformance } from "./mail.ts";
import { failure } from "./opened.ts";

setDefaultTimeout(60_000);

const t = { id: "t" };
const message = { to: "ada@example.org", subject: "Hello", text: "A line.\n" };
const defaults = Value.Create(mailSection) as MailConfig;
const vault = createMemoryVault();
const ids = createIds(systemClock, systemRng);

function mailOf(config: Partial<MailConfig>, log = createMemoryLog(), development = false): Mail {
  return openMail({
    config: { ...defaults, from: "no-reply@example.test", ...config },
    clock: systemClock,
    ids,
    log,
    vault,
    development,
  });
}

const at = (smtp: TestSmtp) => ({ smtp_host: "127.0.0.1", smtp_port: smtp.port });

mailConformance("log", async () => {
  const mail = mailOf({});
  return { mail, arrived: () => mail.inbox?.list({ id: "tenant-a" }) ?? [], close: async () => {} };
});

mailConformance("SMTP", async () => {
  const smtp = await openSmtp();
  return {
    mail: mailOf(at(smtp)),
    arrived: () =>
      smtp.mails.map(({ parsed, to }) => ({
        to: to.join(),
        subject: parsed.subject ?? "",
        text: parsed.text ?? "",
        ...(parsed.html ? { html: parsed.html.trim() } : {}),
      })),
    close: smtp.close,
  };
});

/** Runs `work` against a server of these options. */
async function withSmtp<T>(
  options: SMTPServerOptions,
  work: (smtp: TestSmtp) => Promise<T>,
): Promise<T> {
  const smtp = await openSmtp(options);
  try {
    return await work(smtp);
  } finally {
    await smtp.close();
  }
}

/** Runs `work` with a certificate and the file that trusts it. */
async function withCertificate<T>(
  work: (pair: { cert: string; key: string }, file: string) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "reactor-smtp-"));
  const pair = selfSigned("smtp");
  const file = join(dir, "ca.pem");
  writeFileSync(file, pair.cert);
  try {
    return await work(pair, file);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test("a mail has the headers it needs, and says that a machine wrote it", async () => {
  await withSmtp({}, async (smtp) => {
    const config = { ...at(smtp), from_name: "Größe, Inc.", reply_to: "help@example.test" };
    await mailOf(config).send(t, message);
    const [mail] = smtp.mails;
    expect([mail?.from, mail?.to]).toEqual(["no-reply@example.test", ["ada@example.org"]]);
    expect(mail?.parsed.from?.value).toEqual([
      { address: "no-reply@example.test", name: "Größe, Inc." },
    ]);
    expect(mail?.parsed.replyTo?.value[0]?.address).toBe("help@example.test");
    expect(mail?.parsed.messageId).toMatch(/^<[0-9a-f-]{36}@example\.test>$/);
    expect(mail?.parsed.headers.get("auto-submitted")).toBe("auto-generated");
    expect(mail?.parsed.date).toBeInstanceOf(Date);
    expect(mail?.parsed.attachments).toEqual([]);
  });
});

test("text that looks like a path or an address is not read into a mail", async () => {
  await withSmtp({}, async (smtp) => {
    const text = "/etc/hostname\n";
    await mailOf(at(smtp)).send(t, { ...message, text, html: "file:///etc/hostname" });
    expect(smtp.mails[0]?.parsed.text).toBe(text);
    expect(smtp.mails[0]?.parsed.html || "").toContain("file:///etc/hostname");
  });
});

test("addresses of other scripts are sent as their domains' ASCII form", async () => {
  await withSmtp({}, async (smtp) => {
    await mailOf(at(smtp)).send(t, { ...message, to: "ada@bücher.example" });
    expect(smtp.mails[0]?.raw).toContain("To: ada@xn--bcher-kva.example\r\n");
  });
});

const login = (accepts: (user: string, password: string) => boolean): SMTPServerOptions => ({
  authOptional: false,
  allowInsecureAuth: true,
  onAuth({ username, password }, _session, done) {
    if (accepts(username ?? "", password ?? "")) done(null, { user: username ?? "" });
    else done(new Error("Invalid username or password"));
  },
});

test.each(["PLAIN", "LOGIN"])("it logs in by %s", async (method) => {
  const options = login((user, password) => user === "ada" && password === "pässword");
  await withSmtp({ ...options, authMethods: [method] }, async (smtp) => {
    const config = { ...at(smtp), smtp_user: "ada", smtp_password: "pässword" };
    await mailOf(config).send(t, message);
    expect(smtp.mails[0]?.user).toBe("ada");
  });
});

test("a server is asked without being sent anything", async () => {
  const options = login((user, password) => user === "ada" && password === "right");
  await withSmtp(options, async (smtp) => {
    const config = { ...at(smtp), smtp_user: "ada" };
    await mailOf({ ...config, smtp_password: "right" }).probe(t);
    const refused = await failure(mailOf({ ...config, smtp_password: "wrong" }).probe(t));
    expect([refused.code, smtp.mails.length]).toEqual(["mail_failed", 0]);
  });
});

test("its password may stand in the vault", async () => {
  const options = login((user, password) => user === "ada" && password === "from the vault");
  await withSmtp(options, async (smtp) => {
    const config = { ...at(smtp), smtp_user: "ada", smtp_password: "vault:mail/password" };
    const missing = await failure(mailOf(config).send(t, message));
    expect(missing.details).toContain("the vault has nothing at mail/password");
    await vault.put(t, "mail/password", "from the vault");
    await mailOf(config).send(t, message);
    expect(smtp.mails[0]?.user).toBe("ada");
  });
});

test("a wrong password is final, and stands in no error and no line of the log", async () => {
  await withSmtp(
    login(() => false),
    async (smtp) => {
      const log = createMemoryLog();
      const config = { ...at(smtp), smtp_user: "ada", smtp_password: "the-secret" };
      const error = await failure(mailOf(config, log).send(t, message));
      expect([error.code, error.status]).toEqual(["mail_failed", 502]);
      expect(JSON.stringify([error.body(), String(error.cause), log.lines])).not.toContain(
        "the-secret",
      );
    },
  );
});

test("STARTTLS is used where it is asked for, and the certificate is checked", async () => {
  await withCertificate(async (pair, file) => {
    await withSmtp(pair, async (smtp) => {
      const config = { ...at(smtp), smtp_security: "starttls" as const };
      await mailOf({ ...config, smtp_ca: file }).send(t, message);
      expect(smtp.mails[0]?.secure).toBe(true);
      const stranger = await failure(mailOf(config).send(t, message));
      expect(stranger.code).toBe("mail_unavailable");
      expect(smtp.mails).toHaveLength(1);
    });
  });
});

test("where STARTTLS is required and not offered, nothing is sent", async () => {
  let logins = 0;
  const counting = login(() => {
    logins += 1;
    return true;
  });
  await withSmtp({ ...counting, disabledCommands: ["STARTTLS"] }, async (smtp) => {
    const config = { smtp_user: "ada", smtp_password: "x", smtp_security: "starttls" as const };
    const error = await failure(mailOf({ ...at(smtp), ...config }).send(t, message));
    expect(["mail_failed", "mail_unavailable"]).toContain(error.code);
    expect([logins, smtp.mails.length]).toEqual([0, 0]);
  });
});

test("TLS from the first byte", async () => {
  await withCertificate(async (pair, file) => {
    await withSmtp({ ...pair, secure: true }, async (smtp) => {
      await mailOf({ ...at(smtp), smtp_security: "tls", smtp_ca: file }).send(t, message);
      expect(smtp.mails[0]?.secure).toBe(true);
      const stranger = failure(mailOf({ ...at(smtp), smtp_security: "tls" }).send(t, message));
      expect((await stranger).code).toBe("mail_unavailable");
    });
  });
});

const refusing = (responseCode: number): SMTPServerOptions => ({
  onRcptTo(_address, _session, done) {
    done(Object.assign(new Error("not for them"), { responseCode }));
  },
});

test.each([
  [550, "mail_failed"],
  [450, "mail_unavailable"],
])("a server that answers %d: %s", async (responseCode, code) => {
  await withSmtp(refusing(responseCode), async (smtp) => {
    const error = await failure(mailOf(at(smtp)).send(t, message));
    expect([error.code, error.details]).toEqual([code, expect.stringContaining(`${responseCode}`)]);
  });
});

test("no server at all is mail_unavailable", async () => {
  const smtp = await openSmtp();
  await smtp.close();
  expect((await failure(mailOf(at(smtp)).send(t, message))).code).toBe("mail_unavailable");
});

test("a server that says nothing is given up on", async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as { port: number };
  const config = { smtp_host: "127.0.0.1", smtp_port: port, smtp_timeout_ms: 100 };
  expect((await failure(mailOf(config).send(t, message))).code).toBe("mail_unavailable");
  await new Promise((resolve) => silent.close(resolve));
});

test("a server that only ever says a little more is given up on, too", async () => {
  const timers: Timer[] = [];
  const drip = createServer((socket) => {
    socket.on("error", () => undefined);
    timers.push(setInterval(() => socket.write("220-still here\r\n"), 20));
  });
  await new Promise<void>((resolve) => drip.listen(0, "127.0.0.1", resolve));
  const { port } = drip.address() as { port: number };
  const config = { smtp_host: "127.0.0.1", smtp_port: port, smtp_timeout_ms: 100 };
  expect((await failure(mailOf(config).send(t, message))).code).toBe("mail_unavailable");
  for (const timer of timers) clearInterval(timer);
  drip.close();
});

test("sent mails are shown in the inbox in development, and kept nowhere otherwise", async () => {
  await withSmtp({}, async (smtp) => {
    const development = mailOf(at(smtp), createMemoryLog(), true);
    await development.send(t, message);
    expect(development.inbox?.list(t)).toMatchObject([message]);
    expect(mailOf(at(smtp)).inbox).toBeNull();
  });
});

test("no line of the log holds what a mail says", async () => {
  await withSmtp({}, async (smtp) => {
    const log = createMemoryLog();
    await mailOf(at(smtp), log, true).send(t, { ...message, text: "code 123456", html: "123456" });
    expect(log.lines.map(({ event }) => event)).toEqual(["mail.sent"]);
    expect(JSON.stringify(log.lines)).not.toContain("123456");
  });
});

test.each([
  ["from", { from: "" }],
  ["from", { from: "Ada <ada@example.org>" }],
  ["from_name", { from_name: "a\r\nBcc: eve@example.org" }],
  ["reply_to", { reply_to: "a@example.org, b@example.org" }],
  ["smtp_host", { smtp_host: "smtp://mail.example.org" }],
  ["smtp_password", { smtp_user: "ada" }],
  ["smtp_security", { smtp_user: "ada", smtp_password: "x", smtp_security: "none" as const }],
  ["smtp_ca", { smtp_ca: "/nowhere/ca.pem" }],
])("a setting that cannot work is told at the start: %s", (key, config) => {
  const open = () => mailOf({ smtp_host: "mail.example.org", ...config });
  expect(open).toThrow(`mail.${key}`);
});
