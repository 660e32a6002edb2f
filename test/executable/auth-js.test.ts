/**
 * An unchanged auth-js goes from sign-up to erasure on the compiled file, and between all files of
 * this folder that drive it calls every method it has.
 */
import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { systemClock } from "../../src/shared/clock.ts";
import { totpCode } from "../auth/factors/factor-world.ts";
import { type RunningExecutable, repositoryFile } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { ok } from "../support/ok.ts";
import { until } from "../support/until.ts";

const PASSWORD = "correct horse battery";
const bench = executableBench("shared");
let server: RunningExecutable;
// `dev`: text messages are shown in the inbox.
beforeAll(async () => {
  server = await bench.start(await bench.project(), ["dev", "--port", "0"]);
});

function client(key = server.status.publishable_key): SupabaseClient {
  const options = { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false };
  return createClient(server.url, key, {
    auth: { ...options, experimental: { recoveryCodes: true } },
  });
}
const adminOf = () => client(server.status.secret_key).auth.admin;

async function newPerson(name: string) {
  const app = client();
  const email = `${name}@example.test`;
  const { user, session } = ok(await app.auth.signUp({ email, password: PASSWORD }));
  return { app, email, id: user?.id ?? "", token: session?.access_token ?? "" };
}

const asAdmin = (path: string, method = "GET") =>
  fetch(`${server.url}/auth/v1${path}`, { method, headers: { apikey: server.status.secret_key } });

test("a person signs up, is known, signs out of other devices, is changed, exported and erased", async () => {
  const { app, email, id } = await newPerson("whole-life");
  expect((await app.auth.getClaims()).data?.claims.sub).toBe(id);
  ok(await app.auth.updateUser({ data: { theme: "dark" } }));
  ok(await app.from("notes").insert({ title: "Mine" }).select());
  const other = client();
  ok(await other.auth.signInWithPassword({ email, password: PASSWORD }));
  expect((await app.auth.signOut({ scope: "others" })).error).toBeNull();
  expect((await other.auth.refreshSession()).error?.code).toBe("refresh_token_not_found");
  ok(await app.auth.refreshSession());

  const admin = adminOf();
  const { users } = ok(await admin.listUsers({ page: 1, perPage: 100 }));
  expect(users.find((user) => user.id === id)?.user_metadata["theme"]).toBe("dark");
  ok(await admin.updateUserById(id, { app_metadata: { plan: "gold" } }));
  const renewed = ok(await app.auth.refreshSession());
  expect(renewed.user?.app_metadata["plan"]).toBe("gold");
  const token = renewed.session?.access_token ?? "";
  expect((await admin.signOut(token, "global")).error).toBeNull();
  expect((await client().auth.getUser(token)).error).not.toBeNull();

  const kept = await (await asAdmin(`/admin/users/${id}/export`)).text();
  for (const part of [email, "Mine"]) expect(kept).toContain(part);
  expect((await asAdmin(`/admin/users/${id}/erase`, "POST")).status).toBe(200);
  expect((await admin.getUserById(id)).error?.code).toBe("user_not_found");
  const left = await client(server.status.secret_key)
    .from("notes")
    .select("title")
    .eq("user_id", id);
  expect(ok(left)).toEqual([]);
  const gone = await newPerson("deleted");
  ok(await admin.deleteUser(gone.id));
  expect((await client().auth.getUser(gone.token)).error).not.toBeNull();
});

test("a person's devices are signed out here, elsewhere and everywhere, by themselves and by the secret key", async () => {
  const { app, email, id } = await newPerson("devices");
  const admin = adminOf();
  /** The first device and another one, and which of the two are still signed in afterwards. */
  const left = async (signOut: (token: string) => Promise<{ error: unknown }>) => {
    ok(await app.auth.signInWithPassword({ email, password: PASSWORD }));
    const other = client();
    ok(await other.auth.signInWithPassword({ email, password: PASSWORD }));
    const sessions = await Promise.all(
      [app, other].map(async (one) => ok(await one.auth.getSession()).session),
    );
    const tokens = sessions.map((session) => session?.access_token ?? "");
    expect((await signOut(tokens[0] ?? "")).error).toBeNull();
    const seen = await Promise.all(tokens.map((token) => client().auth.getUser(token)));
    return seen.map(({ data }) => data.user?.id === id);
  };
  expect(await left(() => app.auth.signOut({ scope: "local" }))).toEqual([false, true]);
  expect(await left(() => app.auth.signOut({ scope: "others" }))).toEqual([true, false]);
  expect(await left(() => app.auth.signOut())).toEqual([false, false]);
  expect(await left((token) => admin.signOut(token, "local"))).toEqual([false, true]);
  expect(await left((token) => admin.signOut(token, "others"))).toEqual([true, false]);
  expect(await left((token) => admin.signOut(token))).toEqual([false, false]);

  ok(await admin.deleteUser(id, true));
  const back = await app.auth.signInWithPassword({ email, password: PASSWORD });
  expect(back.error?.code).toBe("invalid_credentials");
  expect(ok(await admin.getUserById(id)).user?.deleted_at).toBeString();
});

interface Message {
  readonly to: string;
  readonly text: string;
}

async function textTo(phone: string): Promise<string> {
  const headers = { accept: "application/json", apikey: server.status.secret_key };
  return until("the text message", async () => {
    const answer = await fetch(`${server.url}/auth/ui/_inbox`, { headers });
    const { messages } = (await answer.json()) as { messages: readonly Message[] };
    const mine = messages.find(({ to }) => to.endsWith(phone));
    return mine ? (/\d{6}/.exec(mine.text)?.[0] ?? null) : null;
  });
}

test("second factors are enrolled, asked for, counted, replaced and removed", async () => {
  const { app, id } = await newPerson("factors");
  const phone = "491701112223";
  const text = ok(await app.auth.mfa.enroll({ factorType: "phone", phone }));
  const { id: challengeId } = ok(await app.auth.mfa.challenge({ factorId: text.id }));
  const code = await textTo(phone);
  ok(await app.auth.mfa.verify({ factorId: text.id, challengeId, code }));
  const { id: factorId, totp } = ok(await app.auth.mfa.enroll({ factorType: "totp" }));
  const now = totpCode({ clock: systemClock }, totp.secret);
  ok(await app.auth.mfa.challengeAndVerify({ factorId, code: now }));
  const { all } = ok(await app.auth.mfa.listFactors());
  expect(all.map((one) => one.factor_type).sort()).toEqual(["phone", "totp"]);

  const { recoveryCodes } = app.auth.mfa;
  ok(await recoveryCodes.generate());
  const { codes } = ok(await recoveryCodes.regenerate());
  ok(await recoveryCodes.verify({ code: codes[0] ?? "" }));
  expect(ok(await recoveryCodes.getStatus()).remaining).toBe(7);
  ok(await app.auth.mfa.unenroll({ factorId }));
  ok(await recoveryCodes.unenroll());

  const { mfa } = adminOf();
  const { factors } = ok(await mfa.listFactors({ userId: id }));
  expect(factors.map((one) => one.id)).toEqual([text.id]);
  ok(await mfa.deleteFactor({ userId: id, id: text.id }));
  expect((await app.auth.getUser()).error).not.toBeNull();
});

test("an app of others is made, refused by a person, agreed to, taken back and removed", async () => {
  const { oauth: clients } = adminOf();
  const { app } = await newPerson("consents");
  const callback = "https://app.example.test/callback";
  const made = ok(await clients.createClient({ client_name: "Bill", redirect_uris: [callback] }));
  const clientId = made.client_id;
  const ask = async () => {
    const query = new URLSearchParams({
      ...{ client_id: clientId, redirect_uri: callback, response_type: "code", scope: "email" },
      ...{ code_challenge: "A".repeat(43), code_challenge_method: "S256" },
    });
    const path = `${server.url}/auth/v1/oauth/authorize?${query}`;
    const { headers } = await fetch(path, { redirect: "manual" });
    const id = new URL(headers.get("location") ?? "").searchParams.get("authorization_id") ?? "";
    ok(await app.auth.oauth.getAuthorizationDetails(id));
    return id;
  };
  const refused = ok(await app.auth.oauth.denyAuthorization(await ask()));
  expect(refused.redirect_url).toContain("error=access_denied");
  ok(await app.auth.oauth.approveAuthorization(await ask()));
  const grants = ok(await app.auth.oauth.listGrants());
  expect(grants.map((one) => one.client.id)).toEqual([clientId]);
  ok(await app.auth.oauth.revokeGrant({ clientId }));
  expect(ok(await app.auth.oauth.listGrants())).toEqual([]);

  expect(ok(await clients.updateClient(clientId, { client_name: "Bills" })).client_name).toBe(
    "Bills",
  );
  const secret = ok(await clients.regenerateClientSecret(clientId)).client_secret;
  expect(secret).not.toBe(made.client_secret);
  const listed = ok(await clients.listClients()).clients.map((one) => one.client_id);
  expect(listed).toContain(clientId);
  expect((await clients.deleteClient(clientId)).error).toBeNull();
  expect((await clients.getClient(clientId)).error?.status).toBe(404);
});

/** Without a request to the server, or with a wallet, which is no way in here. */
const NOT_ASKED = [
  ...["constructor", "dispose", "fetch", "fetchJwk", "initialize", "isThrowOnErrorEnabled"],
  ...["jwks", "jwks_cached_at", "logger", "startAutoRefresh", "stopAutoRefresh"],
  ...["signInWithWeb3", "signInWithEthereum", "signInWithSolana"],
  // What `linkIdentity` and `mfa.webauthn`'s `register` and `authenticate` are made of.
  ...["linkIdentityOAuth", "linkIdentityIdToken"],
  ...["webauthn.enroll", "webauthn.challenge", "webauthn.verify"],
];

/** The names of an object's methods, inherited ones included. */
function methodsOf(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (name.startsWith("_")) continue;
      const { value } = Object.getOwnPropertyDescriptor(at, name) ?? {};
      if (typeof value === "function") names.add(name);
    }
  }
  return [...names];
}

test("every method of auth-js is called by a test of the executable", () => {
  const { auth } = client();
  const within = (part: string, object: object) =>
    methodsOf(object).map((name) => (NOT_ASKED.includes(name) ? name : `${part}.${name}`));
  const methods = [
    ...[auth, auth.admin, auth.admin.customProviders].flatMap(methodsOf),
    ...[...methodsOf(auth.admin.passkey), ...methodsOf(auth.admin.oauth)],
    ...[...within("mfa", auth.mfa), ...within("mfa", auth.admin.mfa)],
    ...[...within("oauth", auth.oauth), ...within("passkey", auth.passkey)],
    ...within("webauthn", auth.mfa.webauthn),
    ...within("recoveryCodes", auth.mfa.recoveryCodes),
  ].filter((name) => !NOT_ASKED.includes(name));
  const here = [...new Bun.Glob("*.test.ts").scanSync(import.meta.dir)];
  const files = here.map((name) => join("test/executable", name));
  for (const shared of ["mailed-clients", "provider-clients", "oauth-peers"]) {
    files.push(`test/auth/${shared}.ts`);
  }
  const sources = files
    .map(repositoryFile)
    .join("\n")
    .replace(/\s*\n\s*/g, "");
  expect(methods.length).toBeGreaterThan(60);
  expect(methods.filter((name) => !sources.includes(`${name}(`))).toEqual([]);
});
