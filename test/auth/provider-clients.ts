/**
 * An unchanged `@supabase/supabase-js` signs in through a real OpenID Connect provider, links and
 * unlinks, brings an id token, and through an organisation's SAML provider. Run against a server in
 * this process, and against the executable.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { ok } from "../support/ok.ts";
import { CLIENT, type OidcIssuer, startOidcIssuer } from "./oidc-issuer.ts";
import {
  assertionXml,
  encode,
  honest,
  idpMetadata,
  requestIdOf,
  responseXml,
  SIGN_IN,
  sign,
} from "./saml-idp.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const PASSWORD = "correct horse battery";
const APP = "https://app.example.test/welcome";

/** `[auth]` of the server under test. */
export type ProviderClientSettings = Readonly<Record<string, unknown>>;

export interface ServerUnderTest {
  readonly url: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  stop(): Promise<void>;
}

let idp: OidcIssuer;
let server: ServerUnderTest;
let count = 0;
const fresh = () => `js-oidc-${++count}@example.test`;

/** A client that keeps its verifier between the two halves of a sign-in. */
function client(
  flowType: "pkce" | "implicit" = "pkce",
  key = server.publishableKey,
): SupabaseClient {
  const kept = new Map<string, string>();
  return createClient(server.url, key, {
    auth: {
      flowType,
      autoRefreshToken: false,
      detectSessionInUrl: false,
      storage: {
        getItem: (name) => kept.get(name) ?? null,
        setItem: (name, value) => void kept.set(name, value),
        removeItem: (name) => void kept.delete(name),
      },
    },
  });
}

/** The browser: follows redirects with cookies until it reaches the app. */
async function browse(from: string): Promise<URL> {
  const jar = new Map<string, Map<string, string>>();
  let at = new URL(from);
  for (let hops = 0; hops < 20 && !at.href.startsWith(APP); hops += 1) {
    const cookies = jar.get(at.origin) ?? new Map<string, string>();
    jar.set(at.origin, cookies);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(at, { redirect: "manual", headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split(/=(.*)/s);
      cookies.set(name, value);
    }
    const next = answer.headers.get("location");
    if (next === null)
      throw new Error(`${at.href} answered ${answer.status}: ${await answer.text()}`);
    await answer.body?.cancel();
    at = new URL(next, at);
  }
  return at;
}

function become(email: string, more: object = {}): void {
  idp.become(`js-${++count}`, { email, email_verified: true, name: "Ada", ...more });
}

/** At the SAML provider, which answers by a form, and back by the browser that left. */
async function throughSaml(from: string): Promise<URL> {
  const left = await fetch(from, { redirect: "manual" });
  const cookie = (left.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
  const location = left.headers.get("location") ?? "";
  expect(location).toStartWith(SIGN_IN);
  const acs = `${server.url}/auth/v1/sso/saml/acs`;
  const said = {
    ...honest(Date.now(), requestIdOf(location)),
    audience: `${server.url}/auth/v1/sso/saml/metadata`,
    recipient: acs,
    destination: acs,
  };
  const body = new URLSearchParams({
    SAMLResponse: encode(sign(responseXml(said, assertionXml(said)))),
    RelayState: new URL(location).searchParams.get("RelayState") ?? "",
  });
  const posted = await fetch(acs, { method: "POST", body, redirect: "manual" });
  const back = posted.headers.get("location") ?? "";
  const done = await fetch(back, { redirect: "manual", headers: { cookie } });
  return new URL(done.headers.get("location") ?? "");
}

const provider = "acme" as "google";

async function signIn(app: SupabaseClient, name: string = provider): Promise<void> {
  const started = ok(
    await app.auth.signInWithOAuth({
      provider: name as "google",
      options: { redirectTo: APP, skipBrowserRedirect: true },
    }),
  );
  const at = await browse(started.url ?? "");
  ok(await app.auth.exchangeCodeForSession(at.searchParams.get("code") ?? ""));
}

/** @param start with the given `[auth]`. */
export function describeProviderClients(
  start: (auth: ProviderClientSettings) => Promise<ServerUnderTest>,
): void {
  beforeAll(async () => {
    idp = await startOidcIssuer(["http://127.0.0.1/not-yet"]);
    server = await start({
      providers: { acme: { ...CLIENT, issuer: idp.issuer } },
      provider_networks: ["127.0.0.0/8"],
      redirect_urls: [APP],
      anonymous_sign_ins: true,
    });
    idp.register([`${server.url}/auth/v1/callback`]);
  });
  afterAll(async () => {
    await server.stop();
    await idp.close();
  });

  describe("supabase-js", defineTests);
}

function defineTests(): void {
  test("signs in with a provider, PKCE", async () => {
    const email = fresh();
    become(email);
    const app = client();
    await signIn(app);
    const { session } = ok(await app.auth.getSession());
    expect([session?.user.email, session?.user.app_metadata.provider]).toEqual([email, "acme"]);
    expect(session?.provider_token).toBeString();
    expect(ok(await app.auth.getUser()).user.email).toBe(email);
    ok(await app.auth.refreshSession());
  });

  test("signs in with a provider, implicit flow", async () => {
    const email = fresh();
    become(email);
    const app = client("implicit");
    const started = ok(
      await app.auth.signInWithOAuth({
        provider,
        options: { redirectTo: APP, skipBrowserRedirect: true, queryParams: { prompt: "login" } },
      }),
    );
    const at = await browse(started.url ?? "");
    const given = new URLSearchParams(at.hash.slice(1));
    const session = {
      access_token: given.get("access_token") ?? "",
      refresh_token: given.get("refresh_token") ?? "",
    };
    expect(ok(await app.auth.setSession(session)).user?.email).toBe(email);
  });

  test("links and unlinks an identity", async () => {
    const app = client();
    ok(await app.auth.signUp({ email: fresh(), password: PASSWORD }));
    become(fresh());
    const started = ok(
      await app.auth.linkIdentity({
        provider,
        options: { redirectTo: APP, skipBrowserRedirect: true },
      }),
    );
    const at = await browse(started.url ?? "");
    ok(await app.auth.exchangeCodeForSession(at.searchParams.get("code") ?? ""));
    const { identities } = ok(await app.auth.getUserIdentities());
    expect(identities.map((one) => one.provider)).toEqual(["email", "acme"]);
    const linked = identities.find((one) => one.provider === "acme");
    if (!linked) throw new Error("nothing was linked");
    ok(await app.auth.unlinkIdentity(linked));
    expect(ok(await app.auth.getUserIdentities()).identities).toHaveLength(1);
    const last = ok(await app.auth.getUserIdentities()).identities[0];
    if (!last) throw new Error("nothing is left");
    const { error } = await app.auth.unlinkIdentity(last);
    expect(error?.code).toBe("single_identity_not_deletable");
  });

  test("an anonymous person keeps the account when a provider is linked", async () => {
    const app = client();
    const anonymous = await app.auth.signInAnonymously();
    const id = ok(anonymous).user?.id;
    const email = fresh();
    become(email);
    const started = ok(
      await app.auth.linkIdentity({
        provider,
        options: { redirectTo: APP, skipBrowserRedirect: true },
      }),
    );
    const at = await browse(started.url ?? "");
    ok(await app.auth.exchangeCodeForSession(at.searchParams.get("code") ?? ""));
    const { user } = ok(await app.auth.getUser());
    expect([user.id, user.email, user.is_anonymous]).toEqual([id ?? "", email, false]);
  });

  test("signs in with an id token, once", async () => {
    become(fresh());
    const raw = "a nonce of the app";
    const nonce = new Bun.CryptoHasher("sha256").update(raw).digest("hex");
    const token = await idp.idToken(nonce);
    const app = client();
    const given = { provider, token, nonce: raw };
    expect(ok(await app.auth.signInWithIdToken(given)).user.app_metadata.provider).toBe("acme");
    const { error } = await client().auth.signInWithIdToken(given);
    expect(error?.code).toBe("validation_failed");
  });

  test("links by an id token", async () => {
    const app = client();
    const { user } = ok(await app.auth.signUp({ email: fresh(), password: PASSWORD }));
    become(fresh());
    const nonce = "another nonce";
    const token = await idp.idToken(new Bun.CryptoHasher("sha256").update(nonce).digest("hex"));
    const linked = ok(await app.auth.linkIdentity({ provider, token, nonce }));
    expect(linked.user?.id).toBe(user?.id ?? "");
    const { identities } = ok(await app.auth.getUserIdentities());
    expect(identities.map((one) => one.provider)).toEqual(["email", "acme"]);
  });

  test("reads why a sign-in failed", async () => {
    const { error } = await client().auth.exchangeCodeForSession("A".repeat(43));
    expect(error).not.toBeNull();
    become(fresh());
    idp.refuse();
    const started = ok(
      await client().auth.signInWithOAuth({
        provider,
        options: { redirectTo: APP, skipBrowserRedirect: true },
      }),
    );
    const at = await browse(started.url ?? "");
    expect(at.searchParams.get("error")).toBe("access_denied");
  });

  test("manages providers that are added while the server runs, and signs in with one", async () => {
    const { customProviders } = client("implicit", server.secretKey).auth.admin;
    const identifier = "custom:mine";
    const made = ok(
      await customProviders.createProvider({
        provider_type: "oidc",
        identifier,
        name: "Mine",
        ...CLIENT,
        issuer: idp.issuer,
        custom_claims_allowlist: ["preferred_username"],
      }),
    );
    expect(made).toMatchObject({ identifier, issuer: idp.issuer, enabled: true });
    expect(JSON.stringify(made)).not.toContain(CLIENT.client_secret);
    become(fresh(), { preferred_username: "ada" });
    const app = client();
    await signIn(app, identifier);
    const { user } = ok(await app.auth.getUser());
    expect(user.app_metadata.provider).toBe(identifier);
    expect(user.user_metadata["custom_claims"]).toEqual({ preferred_username: "ada" });
    ok(await customProviders.updateProvider(identifier, { enabled: false }));
    const listed = ok(await customProviders.listProviders({ type: "oidc" })).providers;
    expect(listed.map((one) => [one.identifier, one.enabled])).toEqual([[identifier, false]]);
    const off = await fetch(`${server.url}/auth/v1/authorize?provider=${identifier}`);
    expect(off.status).toBe(400);
    ok(await customProviders.deleteProvider(identifier));
    const { error } = await customProviders.getProvider(identifier);
    expect(error?.status).toBe(404);
  });

  test("signs in with an organisation's SAML provider", async () => {
    const made = await fetch(`${server.url}/auth/v1/admin/sso/providers`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${server.secretKey}`,
      },
      body: JSON.stringify({
        type: "saml",
        metadata_xml: idpMetadata(),
        domains: ["corp.example.test"],
      }),
    });
    expect(made.status).toBe(201);
    const { url } = ok(
      await client("implicit").auth.signInWithSSO({
        domain: "corp.example.test",
        options: { redirectTo: APP },
      }),
    );
    const at = await throughSaml(url);
    const token = new URLSearchParams(at.hash.slice(1)).get("access_token") ?? "";
    expect(ok(await client().auth.getUser(token)).user.email).toEndWith("@corp.example.test");
    const metadata = await fetch(`${server.url}/auth/v1/sso/saml/metadata?download=true`);
    expect(metadata.headers.get("content-type")).toStartWith("application/samlmetadata+xml");
    expect(metadata.headers.get("content-disposition")).toContain("metadata.xml");
    expect(await metadata.text()).toContain("/auth/v1/sso/saml/acs");
  });
}
