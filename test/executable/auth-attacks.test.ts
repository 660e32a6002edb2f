/**
 * Some of every kind of attack that the suites of identity try, over HTTP on the compiled file: what
 * was built refuses what the sources refuse.
 */
import { beforeAll, expect, test } from "bun:test";
import { createPublicKey } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { SoftAuthenticator } from "../auth/factors/soft-authenticator.ts";
import type { RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { ok } from "../support/ok.ts";
import { forge, forgeHmac, type Json, newKey, segment } from "../support/token-forge.ts";
import { until } from "../support/until.ts";

const PASSWORD = "correct horse battery";
const ORIGIN = "https://app.example.test";
const GUESSES_A_MINUTE = 10;
const bench = executableBench("shared");
let server: RunningExecutable;

beforeAll(async () => {
  const project = bench.folder();
  const settings = [
    "[auth]",
    `site_url = "${ORIGIN}"`,
    `rate_limit_password = ${GUESSES_A_MINUTE}`,
    "hash_memory_kib = 4096",
  ];
  writeFileSync(join(project, "reactor.toml"), `${settings.join("\n")}\n`);
  server = await bench.start(project, ["serve", "--port", "0"]);
});

const client = () =>
  createClient(server.url, server.status.publishable_key, {
    auth: { persistSession: false, autoRefreshToken: false },
  });

async function sessionOf(email: string) {
  const { session } = ok(await client().auth.signUp({ email, password: PASSWORD }));
  if (!session) throw new Error("no session");
  return session;
}

async function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${server.url}/auth/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

/** Those that are honoured, of tokens that must not be. */
async function honoured(tokens: readonly string[]): Promise<string[]> {
  const taken: string[] = [];
  for (let from = 0; from < tokens.length; from += 20) {
    const asked = tokens.slice(from, from + 20).map(async (token) => {
      const { status } = await post("_verify", {}, { authorization: `Bearer ${token}` });
      if (status !== 401) taken.push(`${status} ${token}`);
    });
    await Promise.all(asked);
  }
  return taken;
}

const decoded = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as Json;

test("a token that was forged with what is public, cut short or changed in a bit is refused", async () => {
  const { access_token: token } = await sessionOf("token@example.test");
  const [head = "", body = "", signature = ""] = token.split(".");
  const [header, claims] = [decoded(head), decoded(body)];
  const published = await fetch(`${server.url}/auth/v1/.well-known/jwks.json`);
  const { keys } = (await published.json()) as { keys: Record<string, string>[] };
  const jwk = keys.find(({ kid }) => kid === header["kid"]) ?? {};
  const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
  const mac = { ...header, alg: "HS256" };
  const own = newKey("own");
  const forged = [
    ...["none", "None", "nOnE", ""].flatMap((alg) => [
      `${segment({ ...header, alg })}.${body}.`,
      `${segment({ ...header, alg })}.${body}.${signature}`,
    ]),
    ...[`${pem}`, `${pem}`.trimEnd(), JSON.stringify(jwk), jwk["x"] ?? ""].flatMap((secret) => [
      forgeHmac(secret, mac, claims),
      forgeHmac(secret, { alg: "HS256", typ: "JWT" }, claims),
    ]),
    forge(own, header, claims),
    forge(own, { ...header, kid: own.kid, jwk: own.publicJwk }, claims),
    `${head}.${segment({ ...claims, role: "service_role" })}.${signature}`,
  ];
  const cut = Array.from(token, (_, at) => token.slice(0, at + 1)).slice(0, -1);
  const flipped = Array.from(token, (one, at) => {
    const other = String.fromCharCode(one.charCodeAt(0) ^ (1 << (at % 7)));
    return `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
  }).filter((one) => /^[!-~]*$/.test(one));
  expect(cut.length + flipped.length).toBeGreaterThan(token.length);
  expect(await honoured([...forged, ...cut, ...flipped])).toEqual([]);
  expect(await honoured([token])).toEqual([`200 ${token}`]);
});

test("a refresh token that races has one successor, which is good", async () => {
  const { refresh_token } = await sessionOf("race@example.test");
  const refresh = (token: string) =>
    post("token?grant_type=refresh_token", { refresh_token: token });
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(refresh_token)));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  const successors = new Set(answers.map(({ text }) => String(JSON.parse(text).refresh_token)));
  expect(successors.size).toBe(1);
  const [successor = ""] = successors;
  expect((await refresh(successor)).status).toBe(200);
});

interface Message {
  readonly to: string;
  readonly text: string;
}

async function mailedLink(email: string): Promise<URL> {
  const headers = { accept: "application/json", apikey: server.status.secret_key };
  const link = await until(`a link to ${email}`, async () => {
    const answer = await fetch(`${server.url}/auth/ui/_inbox`, { headers });
    const { messages } = (await answer.json()) as { messages: readonly Message[] };
    const mine = messages.find(({ to }) => to === email);
    return /https?:\/\/\S+\/verify\?\S+/.exec(mine?.text ?? "")?.[0] ?? null;
  });
  return new URL(link);
}

test("who waits in an account is out when the holder of the mailbox comes, whose link leads home once", async () => {
  const email = "holder@example.test";
  const inside = await sessionOf(email);
  const stranger = await post("recover?redirect_to=https://evil.test/", {
    email: "x@example.test",
  });
  expect(await post("recover?redirect_to=https://evil.test/", { email })).toEqual(stranger);
  const link = await mailedLink(email);
  link.searchParams.set("redirect_to", "https://evil.test/");
  const open = async () => {
    const answer = await fetch(link, { redirect: "manual" });
    return new URL(answer.headers.get("location") ?? "");
  };
  const [first, second] = [await open(), await open()];
  expect([first.origin, second.origin]).toEqual([ORIGIN, ORIGIN]);
  expect(second.hash).toContain("otp_expired");
  const holder = new URLSearchParams(first.hash.slice(1)).get("access_token") ?? "";
  expect(ok(await client().auth.getUser(holder)).user.email).toBe(email);
  expect((await client().auth.getUser(inside.access_token)).error).not.toBeNull();
  const { refresh_token } = inside;
  expect((await client().auth.refreshSession({ refresh_token })).error).not.toBeNull();
  const back = await client().auth.signInWithPassword({ email, password: PASSWORD });
  expect(back.error?.code).toBe("invalid_credentials");
});

test("a passkey is refused replayed, of another origin or relying party, and copied", async () => {
  const app = client();
  ok(await app.auth.signUp({ email: "passkey@example.test", password: PASSWORD }));
  const device = new SoftAuthenticator(ORIGIN);
  const begun = ok(await app.auth.passkey.startRegistration());
  const { credential: passkey, json } = device.create(begun.options);
  const made = { challengeId: begun.challenge_id, credential: json };
  ok(await app.auth.passkey.verifyRegistration(made));
  const answer = async (deviation: Parameters<typeof device.get>[2]) => {
    const { options, challenge_id } = ok(await client().auth.passkey.startAuthentication());
    return { challengeId: challenge_id, credential: device.get(options, passkey, deviation) };
  };
  const signIn = async (given: Awaited<ReturnType<typeof answer>>) =>
    (await client().auth.passkey.verifyAuthentication(given)).error === null;
  const good = await answer({ counter: 7 });
  expect([await signIn(good), await signIn(good)]).toEqual([true, false]);
  for (const deviation of [
    { counter: 8, origin: "https://evil.example" },
    { counter: 8, origin: `${ORIGIN}.evil.example` },
    { counter: 8, rpId: "evil.example" },
    { counter: 8, challenge: "A".repeat(43) },
    { counter: 7 },
    { counter: 6 },
  ]) {
    expect(await signIn(await answer(deviation))).toBe(false);
  }
  expect(await signIn(await answer({ counter: 8 }))).toBe(true);
});

test("no header and no spelling gives more guesses, and no answer tells who is known", async () => {
  const known = "known@example.test";
  await sessionOf(known);
  const guess = (email: string, headers = {}) =>
    post("token?grant_type=password", { email, password: "a wrong password" }, headers);
  expect(await guess(known)).toEqual(await guess("unknown@example.test"));
  const startedAt = performance.now();
  let counted = 0;
  for (let n = 0; n < 4 * GUESSES_A_MINUTE; n += 1) {
    const name =
      ["X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP"][n % 4] ?? "";
    const email = [known, known.toUpperCase(), `someone-${n}@example.test`][n % 3] ?? "";
    if ((await guess(email, { [name]: `203.0.113.${n}` })).status !== 429) counted += 1;
  }
  // A busy machine may let a minute pass, and with it as many more.
  const minutes = 1 + (performance.now() - startedAt) / 60_000;
  expect(counted).toBeLessThan(GUESSES_A_MINUTE * minutes + 1);
});
