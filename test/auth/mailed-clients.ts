/**
 * An unchanged `@supabase/supabase-js` goes through every flow of codes and links that it knows,
 * over a real SMTP server and a webhook for text messages: against a server in this process and
 * against the executable. Time-dependent cases are elsewhere.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient, type SupabaseClient, type SupportedStorage } from "@supabase/supabase-js";
import { ok } from "../support/ok.ts";
import { openSmtp, type TestSmtp } from "../support/smtp-server.ts";
import { until } from "../support/until.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const PASSWORD = "correct horse battery";
const NEW_PASSWORD = "a wholly new password";
const SITE = "https://app.example.test";

export interface MailedServer {
  readonly url: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  stop(): Promise<void>;
}

/** `section -> key -> value`. */
export type MailedSettings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

type StartMailed = (settings: MailedSettings) => Promise<MailedServer>;

interface Text {
  readonly to: string;
  readonly otp: string;
}

let server: MailedServer;
let smtp: TestSmtp;
let gateway: ReturnType<typeof Bun.serve>;
const texts: Text[] = [];
let count = 0;
const nextEmail = () => `js-mail-${++count}@example.test`;
const nextPhone = () => `49171${String(1_000_000 + ++count)}`;

function settings(): MailedSettings {
  return {
    auth: {
      autoconfirm: false,
      anonymous_sign_ins: true,
      site_url: SITE,
      redirect_urls: [`${SITE}/**`, "com.example.app:/callback"],
      mails_per_hour: 1000,
      mails_per_day: 1000,
      rate_limit_otp: 1000,
      rate_limit_verify: 1000,
      hash_memory_kib: 4096,
      hash_iterations: 1,
      "sms.provider": "webhook",
      "sms.webhook_url": `http://127.0.0.1:${gateway.port}/`,
      "sms.webhook_secrets": `v1,whsec_${Buffer.alloc(32, 7).toString("base64")}`,
    },
    mail: {
      smtp_host: "127.0.0.1",
      smtp_port: smtp.port,
      smtp_security: "none",
      from: "app@example.test",
    },
  };
}

function useServer(start: StartMailed): void {
  beforeAll(async () => {
    smtp = await openSmtp();
    gateway = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        texts.push((await request.json()) as Text);
        return new Response(null, { status: 204 });
      },
    });
    server = await start(settings());
  });
  afterAll(async () => {
    await server.stop();
    await smtp.close();
    await gateway.stop(true);
  });
}

function client(options: { pkce?: boolean; key?: string } = {}): SupabaseClient {
  const kept = new Map<string, string>();
  const storage: SupportedStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
  return createClient(server.url, options.key ?? server.publishableKey, {
    auth: {
      storage,
      autoRefreshToken: false,
      detectSessionInUrl: false,
      flowType: options.pkce ? "pkce" : "implicit",
    },
  });
}

const mailsTo = (to: string) => smtp.mails.filter((mail) => mail.to.includes(to));

/** Messages leave after the answer, so a test waits for them to arrive. */
async function mailTo(to: string, nth = 1): Promise<{ code: string; link: string; hash: string }> {
  await until(`mail ${nth} to ${to}`, () => mailsTo(to).length >= nth);
  const text = mailsTo(to).at(-1)?.parsed.text ?? "";
  const link = /https?:\/\/\S+\/verify\?\S+/.exec(text)?.[0] ?? "";
  return {
    code: /\b\d{6}\b/.exec(text.replace(link, ""))?.[0] ?? "",
    link,
    hash: link === "" ? "" : (new URL(link).searchParams.get("token") ?? ""),
  };
}

async function textTo(phone: string, nth = 1): Promise<string> {
  const mine = () => texts.filter(({ to }) => to === `+${phone}`);
  await until(`text ${nth} to ${phone}`, () => mine().length >= nth);
  return mine().at(-1)?.otp ?? "";
}

/** Opens a link as a browser would; where it leads to. */
async function open(link: string): Promise<URL> {
  const answer = await fetch(link, { redirect: "manual" });
  expect(answer.status).toBe(303);
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  return new URL(answer.headers.get("location") ?? "");
}

async function joined(): Promise<{ app: SupabaseClient; email: string; id: string }> {
  const app = client();
  const email = nextEmail();
  ok(await app.auth.signUp({ email, password: PASSWORD }));
  const { code } = await mailTo(email);
  const { user } = ok(await app.auth.verifyOtp({ email, token: code, type: "signup" }));
  return { app, email, id: user?.id ?? "" };
}

/** Declares the tests, on a server that `start` starts with these settings. */
export function describeMailedClients(start: StartMailed): void {
  useServer(start);
  describe("supabase-js, by mail", byMail);
  describe("supabase-js, by phone and without anything", byPhone);
}

function byMail(): void {
  test("signs up, resends, confirms by code, signs in", async () => {
    const app = client();
    const email = nextEmail();
    const signedUp = ok(await app.auth.signUp({ email, password: PASSWORD }));
    expect([signedUp.session, signedUp.user?.email]).toEqual([null, email]);
    const early = await app.auth.signInWithPassword({ email, password: PASSWORD });
    expect(early.error?.code).toBe("email_not_confirmed");
    await mailTo(email);
    ok(await app.auth.resend({ type: "signup", email }));
    const { code } = await mailTo(email, 2);
    const done = ok(await app.auth.verifyOtp({ email, token: code, type: "email" }));
    expect(done.user?.id).toBe(signedUp.user?.id ?? "");
    ok(await app.auth.getUser());
    const again = await app.auth.verifyOtp({ email, token: code, type: "email" });
    expect([again.error?.code, again.error?.status]).toEqual(["otp_expired", 403]);
    ok(await client().auth.signInWithPassword({ email, password: PASSWORD }));
  });

  test("signs in by code, by token hash and by link", async () => {
    const email = nextEmail();
    const app = client();
    ok(await app.auth.signInWithOtp({ email, options: { data: { name: "Mia" } } }));
    const first = await mailTo(email);
    const made = ok(await app.auth.verifyOtp({ email, token: first.code, type: "email" }));
    expect(made.user?.user_metadata["name"]).toBe("Mia");
    ok(await app.auth.signInWithOtp({ email, options: { shouldCreateUser: false } }));
    const second = await mailTo(email, 2);
    const byHash = ok(await client().auth.verifyOtp({ token_hash: second.hash, type: "email" }));
    expect(byHash.user?.id).toBe(made.user?.id ?? "");
    ok(await app.auth.signInWithOtp({ email, options: { emailRedirectTo: `${SITE}/welcome` } }));
    const landed = await open((await mailTo(email, 3)).link);
    expect(`${landed.origin}${landed.pathname}`).toBe(`${SITE}/welcome`);
    const parts = new URLSearchParams(landed.hash.slice(1));
    const back = client();
    const set = ok(
      await back.auth.setSession({
        access_token: parts.get("access_token") ?? "",
        refresh_token: parts.get("refresh_token") ?? "",
      }),
    );
    expect(set.user?.id).toBe(made.user?.id ?? "");
    ok(await back.auth.refreshSession());
  });

  test("signs up, in and recovers in PKCE flows", async () => {
    const app = client({ pkce: true });
    const email = nextEmail();
    ok(await app.auth.signUp({ email, password: PASSWORD }));
    const codeOf = async (nth: number) =>
      (await open((await mailTo(email, nth)).link)).searchParams.get("code") ?? "";
    const signedUp = ok(await app.auth.exchangeCodeForSession(await codeOf(1)));
    expect(signedUp.user.email).toBe(email);
    ok(await app.auth.signInWithOtp({ email }));
    ok(await app.auth.exchangeCodeForSession(await codeOf(2)));
    ok(await app.auth.resetPasswordForEmail(email, { redirectTo: `${SITE}/reset` }));
    ok(await app.auth.exchangeCodeForSession(await codeOf(3)));
    ok(await app.auth.updateUser({ password: NEW_PASSWORD }));
    ok(await client().auth.signInWithPassword({ email, password: NEW_PASSWORD }));
    const stranger = client({ pkce: true });
    ok(await stranger.auth.signInWithOtp({ email: nextEmail() }));
    ok(await app.auth.signInWithOtp({ email }));
    // 4: the mail that tells of the new password.
    const stolen = await stranger.auth.exchangeCodeForSession(await codeOf(5));
    expect(stolen.error?.code).toBe("bad_code_verifier");
  });

  test("recovers, and is told so", async () => {
    const { email } = await joined();
    const app = client();
    const events: string[] = [];
    app.auth.onAuthStateChange((event) => void events.push(event));
    ok(await app.auth.resetPasswordForEmail(email));
    const { code } = await mailTo(email, 2);
    ok(await app.auth.verifyOtp({ email, token: code, type: "recovery" }));
    expect(events).toContain("PASSWORD_RECOVERY");
    ok(await app.auth.updateUser({ password: NEW_PASSWORD }));
    ok(await client().auth.signInWithPassword({ email, password: NEW_PASSWORD }));
  });

  test("changes the address at both ends", async () => {
    const { app, email, id } = await joined();
    const moved = nextEmail();
    const asked = ok(
      await app.auth.updateUser({ email: moved }, { emailRedirectTo: `${SITE}/me` }),
    );
    expect(asked.user?.new_email).toBe(moved);
    const half = ok(
      await app.auth.verifyOtp({
        email: moved,
        token: (await mailTo(moved)).code,
        type: "email_change",
      }),
    );
    expect(half).toEqual({ user: null, session: null });
    ok(await app.auth.resend({ type: "email_change", email }));
    const { code } = await mailTo(email, 3);
    const done = ok(await app.auth.verifyOtp({ email, token: code, type: "email_change" }));
    expect([done.user?.id, done.user?.email]).toEqual([id, moved]);
  });

  test("asks for a nonce", async () => {
    const { app, email } = await joined();
    ok(await app.auth.reauthenticate());
    const { code } = await mailTo(email, 2);
    ok(await app.auth.updateUser({ password: NEW_PASSWORD, nonce: code }));
  });

  test("invites, and makes links", async () => {
    const admin = client({ key: server.secretKey }).auth.admin;
    const email = nextEmail();
    const invited = ok(await admin.inviteUserByEmail(email, { data: { team: "red" } }));
    const { hash } = await mailTo(email);
    const done = ok(await client().auth.verifyOtp({ token_hash: hash, type: "invite" }));
    expect([done.user?.id, done.user?.user_metadata["team"]]).toEqual([invited.user.id, "red"]);
    for (const type of ["magiclink", "recovery"] as const) {
      const { properties, user } = ok(await admin.generateLink({ type, email }));
      expect(user.id).toBe(invited.user.id);
      expect(properties.verification_type).toBe(type);
      const landed = await open(properties.action_link);
      expect(landed.hash).toContain("access_token=");
    }
    const fresh = nextEmail();
    const made = ok(
      await admin.generateLink({
        type: "signup",
        email: fresh,
        password: PASSWORD,
        options: { redirectTo: "com.example.app:/callback" },
      }),
    );
    expect((await open(made.properties.action_link)).protocol).toBe("com.example.app:");
    ok(await client().auth.signInWithPassword({ email: fresh, password: PASSWORD }));
    const guest = ok(await admin.generateLink({ type: "invite", email: nextEmail() }));
    expect((await open(guest.properties.action_link)).hash).toContain("access_token=");
    const moved = nextEmail();
    const change = { email: fresh, newEmail: moved };
    const old = ok(await admin.generateLink({ type: "email_change_current", ...change }));
    const next = ok(await admin.generateLink({ type: "email_change_new", ...change }));
    const half = { email: fresh, token: old.properties.email_otp, type: "email_change" } as const;
    ok(await client().auth.verifyOtp(half));
    const whole = { email: moved, token: next.properties.email_otp, type: "email_change" } as const;
    expect(ok(await client().auth.verifyOtp(whole)).user?.email).toBe(moved);
  });

  test("is refused by the link of yesterday with an error that it reads", async () => {
    const email = nextEmail();
    const emailRedirectTo = `${SITE}/welcome?next=/cart`;
    ok(await client().auth.signInWithOtp({ email, options: { emailRedirectTo } }));
    const { link } = await mailTo(email);
    await open(link);
    const landed = await open(link);
    // The page finds what the app gave it along, also when the link did not work.
    expect(`${landed.pathname}${landed.search}`).toBe("/welcome?next=/cart");
    const told = new URLSearchParams(landed.hash.slice(1));
    expect(told.get("error_code")).toBe("otp_expired");
    const refused = await client().auth.verifyOtp({ token_hash: "0".repeat(64), type: "email" });
    expect(refused.error?.code).toBe("otp_expired");
  });

  test("consumes nothing when a scanner asks by HEAD", async () => {
    const email = nextEmail();
    ok(await client().auth.signInWithOtp({ email }));
    const { link } = await mailTo(email);
    await fetch(link, { method: "HEAD", redirect: "manual" });
    expect((await open(link)).hash).toContain("access_token=");
  });
}

function byPhone(): void {
  test("signs up, in and changes the number", async () => {
    const app = client();
    const phone = nextPhone();
    const signedUp = ok(await app.auth.signUp({ phone, password: PASSWORD }));
    expect(signedUp.session).toBeNull();
    await textTo(phone);
    ok(await app.auth.resend({ type: "sms", phone }));
    ok(await app.auth.verifyOtp({ phone, token: await textTo(phone, 2), type: "sms" }));
    ok(await client().auth.signInWithPassword({ phone, password: PASSWORD }));
    const other = client();
    ok(await other.auth.signInWithOtp({ phone }));
    const back = ok(
      await other.auth.verifyOtp({ phone, token: await textTo(phone, 3), type: "sms" }),
    );
    expect(back.user?.id).toBe(signedUp.user?.id ?? "");
    const moved = nextPhone();
    ok(await app.auth.updateUser({ phone: moved }));
    await textTo(moved);
    ok(await app.auth.resend({ type: "phone_change", phone }));
    const token = await textTo(moved, 2);
    const done = ok(await app.auth.verifyOtp({ phone: moved, token, type: "phone_change" }));
    expect(done.user?.phone).toBe(moved);
  });

  test("comes as a guest and stays", async () => {
    const app = client();
    const guest = ok(await app.auth.signInAnonymously({ options: { data: { theme: "dark" } } }));
    expect(guest.user?.is_anonymous).toBe(true);
    const email = nextEmail();
    ok(await app.auth.updateUser({ email }));
    const { code } = await mailTo(email);
    const done = ok(await app.auth.verifyOtp({ email, token: code, type: "email_change" }));
    expect([done.user?.id, done.user?.is_anonymous]).toEqual([guest.user?.id ?? "", false]);
    ok(await app.auth.updateUser({ password: PASSWORD }));
    ok(await client().auth.signInWithPassword({ email, password: PASSWORD }));
  });

  test("reads what is possible", async () => {
    const answer = await fetch(`${server.url}/auth/v1/settings`);
    expect(await answer.json()).toMatchObject({
      external: { anonymous_users: true, email: true, phone: true },
      mailer_autoconfirm: false,
      phone_autoconfirm: false,
      sms_provider: "webhook",
    });
  });
}
