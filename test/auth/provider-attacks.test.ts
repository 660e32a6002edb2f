/**
 * The client's half of the OAuth attack list (RFC 9700, RFC 9207, OpenID Connect Core §16): against a
 * provider that misbehaves, a browser that was lured, and somebody between them. An attack has worked
 * when the app is handed a session, or an identity somebody.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { exportSPKI, importJWK, type JWTPayload, SignJWT } from "jose";
import { challengeOf } from "../../src/capabilities/auth/flows/code-challenge.ts";
import { createAskProvider } from "../../src/capabilities/auth/providers/ask-provider.ts";
import { IssuerDirectory } from "../../src/capabilities/auth/providers/discovery.ts";
import { type AuthWorld, openAuthWorld, signUp } from "./auth-world.ts";
import { type FakeIssuer, startFakeIssuer } from "./fake-issuer.ts";
import { fragmentOf, ProviderBrowser } from "./provider-browser.ts";

const APP = "https://app.example.test/welcome";
const SECRET = "the client's secret of thirty-two";
const VERIFIER = "verifier-".repeat(6);

let idp: FakeIssuer;
let evil: FakeIssuer;
let world: AuthWorld;
let count = 0;

beforeAll(async () => {
  idp = await startFakeIssuer();
  evil = await startFakeIssuer();
  const client = { client_id: "reactor", client_secret: SECRET };
  const bare = (at: FakeIssuer) => ({
    ...client,
    authorize_url: `${at.issuer}/authorize`,
    token_url: `${at.issuer}/token`,
    user_url: `${at.issuer}/user`,
  });
  world = await openAuthWorld({
    redirect_urls: [APP],
    provider_networks: ["127.0.0.0/8"],
    providers: {
      acme: { ...client, issuer: idp.issuer, client_ids: ["phone-app"] },
      evil: { ...client, issuer: evil.issuer },
      bare: bare(idp),
      own: { ...bare(idp), own_callback: true },
      both: { ...client, issuer: idp.issuer, user_url: `${idp.issuer}/user` },
      lax: { ...client, issuer: idp.issuer, email_optional: true },
    },
  });
});
afterAll(async () => {
  await world.close();
  idp.stop();
  evil.stop();
});
beforeEach(() => {
  idp.reset();
  evil.reset();
});

/** What the provider was asked when a browser left. */
interface Trip {
  readonly browser: ProviderBrowser;
  readonly asked: URLSearchParams;
}

async function leave(provider = "acme", query: Record<string, string> = {}): Promise<Trip> {
  const browser = new ProviderBrowser(world);
  const all = new URLSearchParams({ provider, redirect_to: APP, ...query });
  const { location } = await browser.visit(`/auth/v1/authorize?${all}`);
  return { browser, asked: new URL(location).searchParams };
}

const nowS = () => Math.floor(world.clock.now() / 1000);

function claims(asked: URLSearchParams, more: JWTPayload = {}): JWTPayload {
  const n = ++count;
  return {
    iss: idp.issuer,
    aud: "reactor",
    sub: `sub-${n}`,
    iat: nowS(),
    exp: nowS() + 300,
    nonce: asked.get("nonce") ?? "",
    email: `attack-${n}@example.test`,
    email_verified: true,
    ...more,
  };
}

const without = (payload: JWTPayload, name: string) =>
  Object.fromEntries(Object.entries(payload).filter(([key]) => key !== name));

/** The browser comes back with these parameters over the honest ones. */
async function comeBack(
  { browser, asked }: Trip,
  query: Record<string, string> = {},
  path = "/auth/v1/callback",
): Promise<URL> {
  const honest = { code: "their-code", state: asked.get("state") ?? "", iss: idp.issuer };
  const { location } = await browser.visit(
    `${path}?${new URLSearchParams({ ...honest, ...query })}`,
  );
  return new URL(location);
}

const gotSession = (at: URL) => "access_token" in fragmentOf(at) || at.searchParams.has("code");

const errorOf = (at: URL) => fragmentOf(at)["error_code"] ?? "";

/** A sign-in whose id token is this. */
async function withIdToken(make: (asked: URLSearchParams) => Promise<string>): Promise<URL> {
  const trip = await leave();
  idp.tokens = { id_token: await make(trip.asked) };
  return comeBack(trip);
}

test("an honest provider, and nothing wrong: somebody is signed in", async () => {
  const at = await withIdToken((asked) => idp.sign(claims(asked)));
  expect(gotSession(at)).toBe(true);
});

describe("state", () => {
  const attacks: Record<string, (trip: Trip) => Record<string, string>> = {
    missing: () => ({ state: "" }),
    "of nobody": () => ({ state: "A".repeat(43) }),
    "cut short": ({ asked }) => ({ state: asked.get("state")?.slice(0, -1) ?? "" }),
    "with another letter": ({ asked }) => ({
      state: (asked.get("state") ?? "").replace(/^./, (first) => (first === "A" ? "B" : "A")),
    }),
    "of SQL": () => ({ state: "' or true --" }),
  };
  test.each(Object.keys(attacks))("%s is refused", async (name) => {
    const trip = await leave();
    idp.tokens = { id_token: await idp.sign(claims(trip.asked)) };
    const at = await comeBack(trip, attacks[name]?.(trip));
    expect([gotSession(at), errorOf(at)]).toEqual([false, "bad_oauth_state"]);
    expect(idp.asked.filter(({ path }) => path === "/token")).toEqual([]);
  });

  test("works once", async () => {
    const trip = await leave();
    idp.tokens = { id_token: await idp.sign(claims(trip.asked)) };
    expect(gotSession(await comeBack(trip))).toBe(true);
    expect(errorOf(await comeBack(trip))).toBe("bad_oauth_state");
  });

  test("works once for those who race", async () => {
    const trip = await leave();
    idp.tokens = { id_token: await idp.sign(claims(trip.asked)) };
    const ends = await Promise.all([1, 2, 3].map(() => comeBack(trip)));
    expect(ends.filter(gotSession)).toHaveLength(1);
  });

  test("is too old after ten minutes", async () => {
    const trip = await leave();
    await world.clock.advance(10 * 60 * 1000);
    idp.tokens = { id_token: await idp.sign(claims(trip.asked)) };
    expect(errorOf(await comeBack(trip))).toBe("bad_oauth_state");
  });

  test("is worth nothing in another browser: the attacker's own answer signs no victim in", async () => {
    const attacker = await leave();
    idp.tokens = { id_token: await idp.sign(claims(attacker.asked)) };
    const innocent = { browser: new ProviderBrowser(world), asked: attacker.asked };
    expect(errorOf(await comeBack(innocent))).toBe("bad_oauth_state");
    const victim = await leave();
    const lured = { browser: victim.browser, asked: attacker.asked };
    expect(gotSession(await comeBack(lured))).toBe(false);
  });

  test("twice in one answer is refused", async () => {
    const trip = await leave();
    const state = trip.asked.get("state") ?? "";
    const { location } = await trip.browser.visit(
      `/auth/v1/callback?code=x&state=${state}&state=${state}`,
    );
    expect(errorOf(new URL(location))).toBe("bad_oauth_callback");
  });

  test("stands in no table, and neither do nonce and verifier", async () => {
    const trip = await leave();
    const rows = JSON.stringify(await world.sql`select to_jsonb(s)::text from auth.oauth_states s`);
    for (const name of ["state", "nonce"]) {
      const secret = trip.asked.get(name) ?? "";
      expect(secret).not.toBe("");
      expect(rows).not.toContain(secret);
      expect(rows).not.toContain(Buffer.from(secret).toString("hex"));
    }
  });
});

describe("the code", () => {
  test.each([0, 5000])("of %d characters is refused", async (size) => {
    const trip = await leave();
    idp.tokens = { id_token: await idp.sign(claims(trip.asked)) };
    const at = await comeBack(trip, { code: "x".repeat(size) });
    expect(gotSession(at)).toBe(false);
  });

  test("twice is refused", async () => {
    const trip = await leave();
    const query = new URLSearchParams({ state: trip.asked.get("state") ?? "", iss: idp.issuer });
    const { location } = await trip.browser.visit(`/auth/v1/callback?${query}&code=a&code=b`);
    expect(errorOf(new URL(location))).toBe("bad_oauth_callback");
  });

  test("goes with the verifier of the challenge that was sent, and the same redirect URI", async () => {
    const trip = await leave();
    idp.tokens = { id_token: await idp.sign(claims(trip.asked)) };
    await comeBack(trip);
    const sent = idp.asked.find(({ path }) => path === "/token");
    expect(challengeOf(sent?.body.get("code_verifier") ?? "")).toBe(
      trip.asked.get("code_challenge") ?? "",
    );
    expect(sent?.body.get("redirect_uri")).toBe(trip.asked.get("redirect_uri"));
    expect(sent?.body.has("client_secret")).toBe(false);
  });
});

describe("mix-up: an answer of another issuer", () => {
  test.each(["https://other.example.test", "", "HTTP://127.0.0.1", "null"])(
    "iss=%p is refused before the code goes anywhere",
    async (iss) => {
      const trip = await leave();
      const at = await comeBack(trip, { iss });
      expect([gotSession(at), errorOf(at)]).toEqual([false, "bad_oauth_callback"]);
      expect(idp.asked.filter(({ path }) => path === "/token")).toEqual([]);
    },
  );

  test("no iss where the provider promised one is refused", async () => {
    const trip = await leave();
    const query = new URLSearchParams({ code: "x", state: trip.asked.get("state") ?? "" });
    const { location } = await trip.browser.visit(`/auth/v1/callback?${query}`);
    expect(errorOf(new URL(location))).toBe("bad_oauth_callback");
  });

  test("the honest provider's code never reaches the malicious one", async () => {
    const trip = await leave("evil");
    const at = await comeBack(trip, { iss: idp.issuer });
    expect(gotSession(at)).toBe(false);
    expect(evil.asked.filter(({ path }) => path === "/token")).toEqual([]);
  });

  test("a provider without an issuer is not answered for from elsewhere", async () => {
    const trip = await leave("bare");
    idp.person = { sub: "x", email: "mix@example.test", email_verified: true };
    expect(errorOf(await comeBack(trip, { iss: evil.issuer }))).toBe("bad_oauth_callback");
  });

  test("a callback of its own takes nobody else's answers, nor the common one its", async () => {
    const own = await leave("own");
    expect(own.asked.get("redirect_uri")).toEndWith("/auth/v1/callback/own");
    expect(errorOf(await comeBack(own))).toBe("bad_oauth_callback");
    const common = await leave("bare");
    expect(errorOf(await comeBack(common, {}, "/auth/v1/callback/own"))).toBe("bad_oauth_callback");
  });
});

describe("an id token", () => {
  const attacks: Record<string, (asked: URLSearchParams) => JWTPayload> = {
    "with another nonce": (asked) => claims(asked, { nonce: "mine" }),
    "without a nonce": (asked) => without(claims(asked), "nonce"),
    "for another client": (asked) => claims(asked, { aud: "other" }),
    "for us among others, without azp": (asked) => claims(asked, { aud: ["reactor", "other"] }),
    "for us, with another azp": (asked) => claims(asked, { azp: "other" }),
    "for the app on phones": (asked) => claims(asked, { aud: "phone-app" }),
    "without aud": (asked) => without(claims(asked), "aud"),
    "of another issuer": (asked) => claims(asked, { iss: "https://other.example.test" }),
    "of the issuer with a slash": (asked) => claims(asked, { iss: `${idp.issuer}/` }),
    "without iss": (asked) => without(claims(asked), "iss"),
    expired: (asked) => claims(asked, { exp: nowS() - 61 }),
    "without exp": (asked) => without(claims(asked), "exp"),
    "without iat": (asked) => without(claims(asked), "iat"),
    "from the future": (asked) => claims(asked, { iat: nowS() + 600 }),
    "not valid yet": (asked) => claims(asked, { nbf: nowS() + 600 }),
    "issued two days ago": (asked) => claims(asked, { iat: nowS() - 2 * 86_400 }),
    "of nobody": (asked) => without(claims(asked), "sub"),
    "of an empty sub": (asked) => claims(asked, { sub: "" }),
    "of a sub that is too long": (asked) => claims(asked, { sub: "x".repeat(256) }),
    "of another access token": (asked) => claims(asked, { at_hash: "AAAAAAAAAAAAAAAAAAAAAA" }),
  };
  test.each(Object.keys(attacks))("%s is refused", async (name) => {
    const at = await withIdToken((asked) => idp.sign(attacks[name]?.(asked) ?? {}));
    expect([gotSession(at), errorOf(at)]).toEqual([false, "unexpected_failure"]);
  });

  const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

  test.each(["none", "None", "NONE", "nOnE", "", "null"])("of alg %p is refused", async (alg) => {
    const at = await withIdToken(async (asked) => `${b64({ alg })}.${b64(claims(asked))}.`);
    expect(gotSession(at)).toBe(false);
  });

  test("signed by the client's secret, or by the public key as if it were one, is refused", async () => {
    const [key] = idp.keys;
    const spki = await exportSPKI((await importJWK(key?.publicJwk ?? {}, "ES256")) as CryptoKey);
    const secrets = [SECRET, spki, spki.trim(), JSON.stringify(key?.publicJwk)];
    for (const secret of secrets) {
      const at = await withIdToken((asked) =>
        new SignJWT(claims(asked))
          .setProtectedHeader({ alg: "HS256", kid: "key-1" })
          .sign(new TextEncoder().encode(secret.padEnd(32, " "))),
      );
      expect(gotSession(at)).toBe(false);
    }
  });

  test("signed by another issuer's key is refused, whatever its header says", async () => {
    const [foreign] = evil.keys;
    const headers = [
      {},
      { jwk: foreign?.publicJwk },
      { jku: `${evil.issuer}/keys` },
      { kid: "key-1" },
      { kid: `${evil.issuer}/keys` },
      { kid: "../../keys" },
      { x5u: `${evil.issuer}/keys` },
    ];
    for (const header of headers) {
      const at = await withIdToken((asked) => evil.sign(claims(asked), header));
      expect(gotSession(at)).toBe(false);
    }
    expect(evil.asked).toEqual([]);
  });

  test("cut short, too long, or with a changed body is refused", async () => {
    const changes: ((token: string) => string)[] = [
      (token) => token.slice(0, -1),
      (token) => token.slice(0, token.lastIndexOf(".")),
      (token) => `${token}.x`,
      (token) => token.replace(/\.[^.]+\./, `.${b64({ sub: "root", aud: "reactor" })}.`),
      (token) => `${token}${"x".repeat(20_000)}`,
    ];
    for (const change of changes) {
      const at = await withIdToken(async (asked) => change(await idp.sign(claims(asked))));
      expect(gotSession(at)).toBe(false);
    }
  });

  test("that is missing is refused", async () => {
    expect(gotSession(await comeBack(await leave()))).toBe(false);
  });

  test("of the sign-in before is refused", async () => {
    const first = await leave();
    const old = await idp.sign(claims(first.asked));
    idp.tokens = { id_token: old };
    expect(gotSession(await comeBack(first))).toBe(true);
    const second = await leave();
    expect(gotSession(await comeBack(second))).toBe(false);
  });
});

describe("what the provider says of the person", () => {
  test("at the user endpoint is used only when it is the same person", async () => {
    const trip = await leave();
    const said = without(without(claims(trip.asked), "email"), "email_verified");
    idp.tokens = { id_token: await idp.sign(said) };
    idp.person = { sub: "somebody-else", email: "root@example.test", email_verified: true };
    const at = await comeBack(trip);
    expect([gotSession(at), errorOf(at)]).toEqual([false, "unexpected_failure"]);
  });

  const lies = [false, "false", 0, null, "0", "no", "TRUE ", [], {}, [true], "1", -1, "yes"];
  test.each(lies.map((lie) => [JSON.stringify(lie), lie] as const))(
    "email_verified %s is not verified",
    async (_shown, email_verified) => {
      const at = await withIdToken((asked) => idp.sign(claims(asked, { email_verified })));
      expect(errorOf(at)).toBe("provider_email_needs_verification");
    },
  );

  test("an address is not verified by what is said of another", async () => {
    const outcomes: string[] = [];
    for (const isOther of [true, false]) {
      const trip = await leave("both");
      const said = claims(trip.asked);
      idp.tokens = { id_token: await idp.sign(without(said, "email_verified")) };
      const email = isOther ? "own@example.test" : said["email"];
      idp.person = { sub: said.sub, email, email_verified: true };
      outcomes.push(errorOf(await comeBack(trip)));
    }
    expect(outcomes).toEqual(["provider_email_needs_verification", ""]);
  });

  test("without email_verified is not verified", async () => {
    const at = await withIdToken((asked) => idp.sign(without(claims(asked), "email_verified")));
    expect(errorOf(at)).toBe("provider_email_needs_verification");
  });

  test.each(["a@b@example.test", "root@example.test\u0000@x.test", "@example.test", "a b@x.test"])(
    "the address %p is none",
    async (email) => {
      const trip = await leave("lax");
      idp.tokens = { id_token: await idp.sign(claims(trip.asked, { email })) };
      const at = await comeBack(trip);
      const { body } = await world.send("GET", "/auth/v1/user", {
        bearer: fragmentOf(at)["access_token"] ?? "",
      });
      expect(body.email).toBe("");
    },
  );

  test("Apple's relay address is an address like another", async () => {
    const email = "x7k2@privaterelay.appleid.com";
    const at = await withIdToken((asked) =>
      idp.sign(claims(asked, { email, email_verified: "true", is_private_email: "true" })),
    );
    const { body } = await world.send("GET", "/auth/v1/user", {
      bearer: fragmentOf(at)["access_token"] ?? "",
    });
    expect(body.email).toBe(email);
  });

  test("with the same sub from two issuers are two people", async () => {
    const ids: string[] = [];
    for (const [name, issuer] of [
      ["acme", idp],
      ["evil", evil],
    ] as const) {
      const trip = await leave(name);
      const said = claims(trip.asked, { iss: issuer.issuer, sub: "the-same" });
      issuer.tokens = { id_token: await issuer.sign(said) };
      const at = await comeBack(trip, { iss: issuer.issuer });
      const { body } = await world.send("GET", "/auth/v1/user", {
        bearer: fragmentOf(at)["access_token"] ?? "",
      });
      ids.push(body.id);
    }
    expect(new Set(ids).size).toBe(2);
  });
});

describe("a provider's answers", () => {
  const redirect = (to: string) => () =>
    new Response(null, { status: 307, headers: { location: to } });
  const large = () => Response.json({ keys: [], padding: "x".repeat(600 * 1024) });

  test("of the token endpoint are refused unless they are one", async () => {
    const bad: (() => Response)[] = [
      () => Response.json({ error: "invalid_grant" }, { status: 400 }),
      () => Response.json({ access_token: 7 }),
      () => Response.json({}),
      () => Response.json(null),
      () => new Response("<html>", { headers: { "content-type": "text/html" } }),
      () => Response.json({ access_token: "x".repeat(20_000) }),
      large,
      redirect(`${evil.issuer}/token`),
    ];
    for (const answer of bad) {
      const trip = await leave();
      idp.answers["/token"] = answer;
      expect(errorOf(await comeBack(trip))).toBe("unexpected_failure");
    }
    expect(evil.asked).toEqual([]);
  });

  test("that are too large are not read, though they are right", async () => {
    const trip = await leave("bare");
    idp.person = { sub: "large", email: "large@example.test", email_verified: true };
    idp.tokens = { padding: "x".repeat(600 * 1024) };
    expect(errorOf(await comeBack(trip))).toBe("unexpected_failure");
  });

  test("of the user endpoint are not followed elsewhere with the token", async () => {
    const trip = await leave("bare");
    idp.answers["/user"] = redirect(`${evil.issuer}/user`);
    expect(errorOf(await comeBack(trip))).toBe("unexpected_failure");
    expect(evil.asked).toEqual([]);
  });

  test("that never come end with the time limit", async () => {
    const trip = await leave("bare");
    const { promise, resolve } = Promise.withResolvers<Response>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    idp.answers["/token"] = () => {
      arrive();
      return promise;
    };
    const back = comeBack(trip);
    await arrived;
    await world.clock.advance(10_000);
    expect(errorOf(await back)).toBe("unexpected_failure");
    resolve(new Response());
  });

  test("of discovery: another issuer's, none, redirected, too large", async () => {
    const documents: (() => Response)[] = [
      () => Response.json({ issuer: evil.issuer, jwks_uri: `${evil.issuer}/keys` }),
      () => Response.json({ issuer: `${idp.issuer}/`, jwks_uri: `${idp.issuer}/keys` }),
      () => Response.json({ jwks_uri: `${idp.issuer}/keys` }),
      () => Response.json([]),
      redirect(`${evil.issuer}/.well-known/openid-configuration`),
      large,
    ];
    for (const document of documents) {
      const fresh = await startFakeIssuer();
      fresh.answers["/.well-known/openid-configuration"] = document;
      const { directory } = world.state.providers;
      await expect(directory.metadata(fresh.issuer)).rejects.toThrow();
      fresh.stop();
    }
    expect(evil.asked).toEqual([]);
  });

  test("of the keys: a rotated key is found, but strangers do not make us ask and ask", async () => {
    await withIdToken((asked) => idp.sign(claims(asked)));
    await world.clock.advance(60_000);
    await idp.rotate();
    idp.reset();
    expect(gotSession(await withIdToken((asked) => idp.sign(claims(asked))))).toBe(true);
    const reads = () => idp.asked.filter(({ path }) => path === "/keys").length;
    expect(reads()).toBe(1);
    for (let i = 0; i < 5; i += 1) {
      await withIdToken((asked) => idp.sign(claims(asked), { kid: `unknown-${i}` }));
    }
    expect(reads()).toBe(1);
  });

  test("of the keys: shared secrets in the set verify nothing", async () => {
    await world.clock.advance(11 * 60 * 1000);
    const k = Buffer.from("a secret of thirty-two characters").toString("base64url");
    idp.answers["/keys"] = () =>
      Response.json({ keys: [{ kty: "oct", k, kid: "oct", alg: "HS256" }] });
    const at = await withIdToken((asked) =>
      new SignJWT(claims(asked))
        .setProtectedHeader({ alg: "HS256", kid: "oct" })
        .sign(Buffer.from(k, "base64url")),
    );
    expect(gotSession(at)).toBe(false);
    idp.reset();
    await world.clock.advance(11 * 60 * 1000);
  });
});

describe("the way back to the app", () => {
  const elsewhere = [
    `${APP}.evil.test`,
    `${APP}/../../evil`,
    `${APP}?next=https://evil.test`,
    "https://app.example.test.evil.test/welcome",
    "https://evil.test/https://app.example.test/welcome",
    "https://app.example.test@evil.test/welcome",
    "https://app.example.test:8443/welcome",
    "http://app.example.test/welcome",
    "https://app.example.test/Welcome",
    "https://app.example.test/%77elcome",
    "https://app.example.test/welcome%2e",
    "//evil.test/welcome",
    "https:\\\\evil.test",
    "https://app.example.test\\@evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://аpp.example.test/welcome",
    "\thttps://evil.test",
  ];
  test.each(elsewhere)("never is %p", async (redirect_to) => {
    const trip = await leave("acme", { redirect_to });
    idp.tokens = { id_token: await idp.sign(claims(trip.asked)) };
    const at = await comeBack(trip);
    expect(at.origin).toBe("http://localhost");
    const refused = await leave("acme", { redirect_to });
    expect((await comeBack(refused, { error: "access_denied" })).origin).toBe("http://localhost");
  });

  test("is looked at again: what was taken from the list is not gone to", async () => {
    const trip = await leave();
    idp.tokens = { id_token: await idp.sign(claims(trip.asked)) };
    Object.assign(world.state.config, { redirect_urls: [] });
    const at = await comeBack(trip);
    Object.assign(world.state.config, { redirect_urls: [APP] });
    expect(at.origin).toBe("http://localhost");
  });

  test("tells of an error in plain text, and of nothing else", async () => {
    const trip = await leave();
    const at = await comeBack(trip, {
      error: "x\r\nSet-Cookie: a=b",
      error_description: `<script>\u202e${"y".repeat(1000)}`,
    });
    const { error = "", error_description: text = "" } = fragmentOf(at);
    expect(`${error}${text}`).toMatch(/^[\x20-\x7e]+$/);
    expect(text.length).toBeLessThanOrEqual(300);
    expect(`${at.origin}${at.pathname}`).toBe(APP);
  });

  test("hides where it came from", async () => {
    const { headers } = await world.send("GET", "/auth/v1/callback?state=x&code=y");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("after a form: the browser comes again by itself, with its cookies", async () => {
    const body = new URLSearchParams({ code: "a b", state: "s", user: '{"name":{}}' }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await world.send("POST", "/auth/v1/callback", { body, headers });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe(`/auth/v1/callback?${body}`);
    const json = await world.send("POST", "/auth/v1/callback", { body: { code: "x" } });
    expect(json.status).toBe(415);
  });
});

describe("linking", () => {
  async function ticketOf(query: Record<string, string> = {}) {
    const ada = await signUp(world, `link-${++count}@example.test`);
    const all = { provider: "acme", redirect_to: APP, skip_http_redirect: "true", ...query };
    const { body } = await world.send(
      "GET",
      `/auth/v1/user/identities/authorize?${new URLSearchParams(all)}`,
      { bearer: ada.accessToken },
    );
    return { ada, path: body.url.replace("http://localhost", "") as string };
  }

  test("is not done by a lured browser: the provider's answer needs the client's verifier", async () => {
    const challenge = { code_challenge: challengeOf(VERIFIER), code_challenge_method: "s256" };
    const { ada, path } = await ticketOf(challenge);
    const victim = new ProviderBrowser(world);
    const { location } = await victim.visit(path);
    const asked = new URL(location).searchParams;
    idp.tokens = { id_token: await idp.sign(claims(asked)) };
    await comeBack({ browser: victim, asked });
    const { body } = await world.send("GET", "/auth/v1/user", { bearer: ada.accessToken });
    expect(body.identities).toHaveLength(1);
  });

  test.each([
    ["from no page", undefined],
    ["from a stranger's page", "https://evil.example.test/welcome"],
    ["from a name like the app's", "https://app.example.test.evil.example/welcome"],
  ])("without a verifier is not begun by a browser that comes %s", async (_, from) => {
    const { ada, path } = await ticketOf();
    const victim = new ProviderBrowser(world);
    const { status, location, body } = await victim.visit(path, undefined, from);
    expect([status, location, (body as { code: string }).code]).toEqual([
      400,
      "",
      "bad_oauth_state",
    ]);
    expect((await victim.visit(path, undefined, APP)).status).toBe(400);
    const own = await world.send("GET", "/auth/v1/user", { bearer: ada.accessToken });
    expect(own.body.identities).toHaveLength(1);
  });

  test("goes on only in the browser that brought the ticket", async () => {
    const { ada, path } = await ticketOf();
    const { location } = await new ProviderBrowser(world).visit(path, undefined, APP);
    const asked = new URL(location).searchParams;
    idp.tokens = { id_token: await idp.sign(claims(asked)) };
    const at = await comeBack({ browser: new ProviderBrowser(world), asked });
    expect(errorOf(at)).toBe("bad_oauth_state");
    const { body } = await world.send("GET", "/auth/v1/user", { bearer: ada.accessToken });
    expect(body.identities).toHaveLength(1);
  });

  test("an unverified address does not become that of an anonymous person", async () => {
    const { ada, path } = await ticketOf();
    await world.sql`
      update auth.users set email = null, proven_email = null, is_anonymous = true
      where id = ${ada.userId}`;
    const browser = new ProviderBrowser(world);
    const { location } = await browser.visit(path, undefined, APP);
    const asked = new URL(location).searchParams;
    idp.tokens = { id_token: await idp.sign(claims(asked, { email_verified: false })) };
    expect(gotSession(await comeBack({ browser, asked }))).toBe(true);
    const [row] = await world.sql`select * from auth.users where id = ${ada.userId}`;
    expect([row?.["email"], row?.["is_anonymous"]]).toEqual([null, false]);
  });
});

describe("requests to providers", () => {
  const ask = (networks: string[], addresses: string[] = []) =>
    createAskProvider({
      clock: world.clock,
      timeoutMs: 5000,
      networks,
      lookup: async () => addresses,
    });

  test.each([
    ["http://127.0.0.1:9/", []],
    ["https://127.0.0.1/", []],
    ["https://2130706433/", []],
    ["https://0x7f.1/", []],
    ["https://[::1]/", []],
    ["https://[::ffff:169.254.169.254]/", []],
    ["https://169.254.169.254/latest/meta-data", []],
    ["https://inside.example.test/", ["10.0.0.1"]],
    ["https://rebind.example.test/", ["93.184.215.14", "127.0.0.1"]],
    ["https://nowhere.example.test/", []],
    ["http://public.example.test/", ["93.184.215.14"]],
    ["https://user:pass@public.example.test/", ["93.184.215.14"]],
    ["file:///etc/passwd", []],
    ["gopher://public.example.test/", ["93.184.215.14"]],
    ["unix:/run/x.sock", []],
  ] as const)("do not go to %p at %p", async (url, addresses) => {
    await expect(ask([], [...addresses])({ url })).rejects.toThrow(
      /not to be reached|https only|no URL/,
    );
  });

  test("for keys are not repeated for strangers' tokens, and do not cost the known ones, while they fail", async () => {
    const [key] = idp.keys;
    let asked = 0;
    let isDown = false;
    const directory = new IssuerDirectory(async () => {
      asked += 1;
      if (isDown) throw new Error("down");
      return { status: 200, json: { keys: [{ ...key?.publicJwk, kid: "known" }] }, text: "" };
    }, world.clock);
    const find = (kid: string) =>
      directory.keys("https://idp.example.test/keys")(
        { alg: "ES256", kid },
        {
          payload: "",
          signature: "",
        },
      );
    await find("known");
    isDown = true;
    await world.clock.advance(31_000);
    for (let n = 0; n < 3; n += 1) await expect(find("stranger")).rejects.toThrow();
    expect(asked).toBe(2);
    expect(await find("known")).toBeDefined();
    await world.clock.advance(31_000);
    await expect(find("stranger")).rejects.toThrow();
    expect(asked).toBe(3);
  });

  test("go to an opened network, and to it only", async () => {
    const { status } = await ask(["127.0.0.1"])({ url: `${idp.issuer}/keys` });
    expect(status).toBe(200);
    await expect(ask(["127.0.0.2"])({ url: `${idp.issuer}/keys` })).rejects.toThrow(
      "not to be reached",
    );
  });
});

describe("grant_type=id_token", () => {
  const grant = (body: Record<string, unknown>, bearer?: string) =>
    world.send("POST", "/auth/v1/token?grant_type=id_token", {
      body: { provider: "acme", ...body },
      ...(bearer === undefined ? {} : { bearer }),
    });
  const hash = (nonce: string) => new Bun.CryptoHasher("sha256").update(nonce).digest("hex");
  const token = (more: JWTPayload = {}) =>
    idp.sign(claims(new URLSearchParams(), { nonce: hash("raw nonce"), ...more }));
  const nonce = "raw nonce";

  test("signs in, for any of the client ids, by name or by issuer", async () => {
    expect((await grant({ id_token: await token(), nonce })).status).toBe(200);
    expect((await grant({ id_token: await token({ aud: "phone-app" }), nonce })).status).toBe(200);
    const byIssuer = { provider: "", issuer: idp.issuer, client_id: "reactor" };
    expect((await grant({ ...byIssuer, id_token: await token(), nonce })).status).toBe(200);
  });

  test("takes a token once", async () => {
    const id_token = await token();
    expect((await grant({ id_token, nonce })).status).toBe(200);
    const { status, body } = await grant({ id_token, nonce });
    expect([status, body.message, body.details]).toEqual([
      400,
      "Bad ID token",
      "The id token was used before",
    ]);
  });

  test.each([
    ["without the nonce", {}, {}],
    ["with another nonce", {}, { nonce: "other" }],
    ["with the hash instead of the nonce", {}, { nonce: hash("raw nonce") }],
    ["with a nonce that the token has not", { nonce: undefined }, { nonce: "raw nonce" }],
    ["for another audience", { aud: "other" }, { nonce: "raw nonce" }],
    ["of another issuer", { iss: "https://other.test" }, { nonce: "raw nonce" }],
    ["that expired", { exp: 1 }, { nonce: "raw nonce" }],
    ["of another access token", { at_hash: "AAAA" }, { nonce: "raw nonce", access_token: "x" }],
  ])("refuses a token %s", async (_what, said, sent) => {
    const { status, body } = await grant({ id_token: await token(said), ...sent });
    expect([status, body.code]).toEqual([400, "validation_failed"]);
  });

  test("refuses what is no token, an unknown provider and one without id tokens", async () => {
    for (const id_token of ["", "x", "a.b.c", 7, null]) {
      expect((await grant({ id_token, nonce })).status).toBe(400);
    }
    const id_token = await token();
    for (const provider of ["nope", "bare", "__proto__", ""]) {
      expect((await grant({ id_token, nonce, provider })).status).toBe(400);
    }
    expect((await grant({ id_token, nonce, provider: "", issuer: "https://x.test" })).status).toBe(
      400,
    );
  });

  test("links for who is signed in, and for nobody else", async () => {
    const ada = await signUp(world, `link-${++count}@example.test`);
    const id_token = await token();
    expect((await grant({ id_token, nonce, link_identity: true })).status).toBe(401);
    const { status, body } = await grant({ id_token, nonce, link_identity: true }, ada.accessToken);
    expect([status, body.user.id, body.user.identities.length]).toEqual([200, ada.userId, 2]);
  });
});
