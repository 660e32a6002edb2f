/** SAML 2.0: signing in at an organisation's provider, and the ways to forge it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createVerify } from "node:crypto";
import { challengeOf } from "../../src/capabilities/auth/flows/code-challenge.ts";
import { describeServiceProvider } from "../../src/capabilities/auth/saml/service-provider.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld } from "./auth-world.ts";
import { createClient, refreshFor, tokensFor } from "./oauth-world.ts";
import { fragmentOf, ProviderBrowser } from "./provider-browser.ts";
import {
  ACS,
  AUDIENCE,
  assertionXml,
  ENTITY,
  encode,
  encrypt,
  honest,
  idpMetadata,
  KEYS,
  requestIdOf,
  responseXml,
  type Said,
  SIGN_IN,
  sign,
} from "./saml-idp.ts";

const APP = "https://app.example.test/welcome";
const VERIFIER = "verifier-".repeat(6);
const SERVICE = "sb_secret_test";
const NOBODY = { userId: "", refreshToken: "" };

let world: AuthWorld;
let providerId: string;

beforeAll(async () => {
  world = await openAuthWorld({ redirect_urls: [APP] });
  const { status, body } = await admin("POST", "", {
    type: "saml",
    metadata_xml: idpMetadata(),
    domains: ["Corp.Example.test"],
    attribute_mapping: { keys: { name: { name: "displayName" }, team: { names: ["x", "team"] } } },
  });
  expect(status).toBe(201);
  providerId = body.id;
});
afterAll(() => world.close());

const admin = (method: string, path: string, body?: unknown) =>
  world.send(method, `/auth/v1/admin/sso/providers${path}`, {
    bearer: SERVICE,
    ...(body === undefined ? {} : { body }),
  });

interface Trip {
  readonly browser: ProviderBrowser;
  readonly relay: string;
  readonly requestId: string;
}

async function leave(more: Record<string, unknown> = {}): Promise<Trip> {
  const { status, body } = await world.send("POST", "/auth/v1/sso", {
    body: { domain: "corp.example.test", redirect_to: APP, skip_http_redirect: true, ...more },
  });
  expect(status).toBe(200);
  const browser = new ProviderBrowser(world);
  const { location } = await browser.visit(body.url.replace("http://localhost", ""));
  expect(location).toStartWith(SIGN_IN);
  const relay = new URL(location).searchParams.get("RelayState") ?? "";
  return { browser, relay, requestId: requestIdOf(location) };
}

/** The form that the provider has the browser send; where that leads. */
async function post(xml: string, relay: string): Promise<string> {
  const { status, headers, body } = await world.send("POST", "/auth/v1/sso/saml/acs", {
    body: new URLSearchParams({ SAMLResponse: encode(xml), RelayState: relay }).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  if (status !== 303) throw new Error(`answered ${status} ${JSON.stringify(body)}`);
  return headers.get("location") ?? "";
}

/** All the way back: where the app finds itself. */
async function comeBack(trip: Trip, xml: string, browser = trip.browser): Promise<URL> {
  const next = new URL(await post(xml, trip.relay));
  if (next.origin !== "http://localhost" || !next.pathname.endsWith("/acs")) return next;
  return new URL((await browser.visit(`${next.pathname}${next.search}`)).location);
}

const isIn = (at: URL) => "access_token" in fragmentOf(at) || at.searchParams.has("code");
const errorOf = (at: URL) => fragmentOf(at)["error_code"] ?? "";

async function attempt(change: (said: Said) => void, make = signedResponse): Promise<URL> {
  const trip = await leave();
  const said = honest(world.clock.now(), trip.requestId);
  change(said);
  return comeBack(trip, make(said));
}

const signedResponse = (said: Said) => sign(responseXml(said, assertionXml(said)));

async function userAt(at: URL) {
  const { body } = await world.send("GET", "/auth/v1/user", {
    bearer: fragmentOf(at)["access_token"] ?? "",
  });
  return body;
}

describe("a person of the organisation", () => {
  test("signs in, and is the same person the next time", async () => {
    const attributes = { mail: "Ada@corp.example.test", displayName: "Ada", team: "engines" };
    const enter = () => attempt((said) => Object.assign(said, { nameId: "ada", attributes }));
    const first = await userAt(await enter());
    expect(first).toMatchObject({
      email: "ada@corp.example.test",
      app_metadata: { provider: `sso:${providerId}` },
      user_metadata: { name: "Ada", iss: ENTITY, custom_claims: { team: "engines" } },
    });
    expect((await userAt(await enter())).id).toBe(first.id);
  });

  test("signs in with PKCE, and the session says how", async () => {
    const trip = await leave({
      code_challenge: challengeOf(VERIFIER),
      code_challenge_method: "s256",
    });
    const at = await comeBack(trip, signedResponse(honest(world.clock.now(), trip.requestId)));
    const { body } = await world.send("POST", "/auth/v1/token?grant_type=pkce", {
      body: { auth_code: at.searchParams.get("code"), code_verifier: VERIFIER },
    });
    const claims = JSON.parse(Buffer.from(body.access_token.split(".")[1], "base64url").toString());
    expect(claims.amr[0].method).toBe("sso/saml");
  });

  test.each([
    ["in the implicit flow", {}],
    ["under PKCE", { code_challenge: challengeOf(VERIFIER), code_challenge_method: "s256" }],
  ])("is signed in for as long as the provider says: %s", async (_, pkce) => {
    const trip = await leave(pkce);
    const said = { ...honest(world.clock.now(), trip.requestId), sessionEndsInS: 600 };
    const at = await comeBack(trip, signedResponse(said));
    const exchange = () =>
      world.send("POST", "/auth/v1/token?grant_type=pkce", {
        body: { auth_code: at.searchParams.get("code"), code_verifier: VERIFIER },
      });
    const tokens = at.searchParams.has("code") ? (await exchange()).body : fragmentOf(at);
    const endsAtS = Math.floor((said.nowMs + 600_000) / 1000);
    expect(Number(tokens.expires_at)).toBe(endsAtS);
    const refresh = () =>
      world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
        body: { refresh_token: tokens.refresh_token },
      });
    const { body: refreshed } = await refresh();
    expect(refreshed.expires_at).toBe(endsAtS);
    // What an app was given in it ends with it, too.
    const client = await createClient(world);
    const app = await tokensFor(world, { ...NOBODY, accessToken: refreshed.access_token }, client);
    expect(app.expires_in).toBeLessThanOrEqual(600);
    await world.clock.advance(600_000);
    const late = await refresh();
    expect([late.status, late.body.code]).toEqual([400, "session_expired"]);
    const later = await refreshFor(world, client, app.refresh_token);
    expect([later.status, later.body.error]).toEqual([400, "invalid_grant"]);
  });

  test("is not signed in by a code that comes after the provider's end", async () => {
    const challenge = { code_challenge: challengeOf(VERIFIER), code_challenge_method: "s256" };
    const trip = await leave(challenge);
    const said = { ...honest(world.clock.now(), trip.requestId), sessionEndsInS: 60 };
    const at = await comeBack(trip, signedResponse(said));
    await world.clock.advance(60_000);
    const { status, body } = await world.send("POST", "/auth/v1/token?grant_type=pkce", {
      body: { auth_code: at.searchParams.get("code"), code_verifier: VERIFIER },
    });
    expect([status, body.code]).toEqual([403, "flow_state_expired"]);
  });

  test("signs in when the whole response is signed beside the assertion", async () => {
    const at = await attempt(
      () => undefined,
      (said) => sign(sign(responseXml(said, assertionXml(said))), { what: "Response" }),
    );
    expect(isIn(at)).toBe(true);
  });

  test("cannot change the address or the password here, nor link others", async () => {
    const at = await attempt(() => undefined);
    const bearer = fragmentOf(at)["access_token"] ?? "";
    for (const body of [{ email: "me@example.test" }, { password: "a good long password" }]) {
      const { body: answer } = await world.send("PUT", "/auth/v1/user", { bearer, body });
      expect(answer.code).toBe("user_sso_managed");
    }
  });
});

describe("a forged response", () => {
  const changes: Record<string, Partial<Said>> = {
    "for another audience": { audience: "https://other.example.test" },
    "without an audience": { audience: null },
    "for another recipient": { recipient: "https://other.example.test/acs" },
    "for a recipient that begins alike": { recipient: `${ACS}.evil.test` },
    "for another address": { destination: "https://other.example.test/acs" },
    "of another issuer": { issuer: "https://evil.example.test" },
    "that has expired": { endsInS: -61 },
    "that is not valid yet": { startsInS: 120 },
    "without conditions": { conditions: false },
    "of somebody who was not authenticated": { authnStatement: false },
    "of a session that has ended there": { sessionEndsInS: 0 },
    "about a holder of a key": { method: "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key" },
    "that answers another request": { inResponseTo: "_other" },
    "that answers no request": { inResponseTo: null },
    "that reports a failure": { status: "urn:oasis:names:tc:SAML:2.0:status:Responder" },
  };
  test.each(Object.keys(changes))("%s is refused", async (name) => {
    const at = await attempt((said) => Object.assign(said, changes[name]));
    expect([isIn(at), errorOf(at)]).toEqual([false, "validation_failed"]);
  });

  const unsigned = (said: Said) => responseXml(said, assertionXml(said));

  test.each(["soon", "", "2026", "-1", "9999999999"])("that ends at %p is refused", async (end) => {
    const at = await attempt(
      () => undefined,
      (said) => {
        const inner = assertionXml(said).replace(/NotOnOrAfter="[^"]+"/g, `NotOnOrAfter="${end}"`);
        return sign(responseXml(said, inner));
      },
    );
    expect([isIn(at), errorOf(at)]).toEqual([false, "validation_failed"]);
  });

  test("unsigned, with its signature removed, or signed by somebody else is refused", async () => {
    const forgers: ((said: Said) => string)[] = [
      unsigned,
      (said) => signedResponse(said).replace(/<Signature.*?<\/Signature>/s, ""),
      (said) => signedResponse(said).replace(/<SignatureValue>.*?<\/SignatureValue>/s, ""),
      (said) => sign(unsigned(said), { key: KEYS.evil.key }),
      (said) => sign(unsigned(said), { what: "Response", key: KEYS.evil.key }),
      (said) => sign(unsigned(said), { what: "Response" }),
    ];
    for (const forge of forgers) {
      const at = await attempt(() => undefined, forge);
      expect([isIn(at), errorOf(at)]).toEqual([false, "validation_failed"]);
    }
  });

  test("changed after it was signed is refused", async () => {
    const changes: ((response: string) => string)[] = [
      (response) => response.replace(/person-\d+/, "root"),
      (response) => response.replace("@corp.example.test", "@victim.example.test"),
      (response) => response.replace(/NotOnOrAfter="2/g, 'NotOnOrAfter="3'),
      (response) =>
        response.replace(/(DigestValue>)(.)/, (_, tag, first) => tag + (first === "A" ? "B" : "A")),
    ];
    for (const change of changes) {
      const at = await attempt(
        () => undefined,
        (said) => change(signedResponse(said)),
      );
      expect(isIn(at)).toBe(false);
    }
  });

  test("whose bearer's time is over is refused, though its conditions hold", async () => {
    const past = new Date(world.clock.now() - 120_000).toISOString();
    const at = await attempt(
      () => undefined,
      (said) => {
        const inner = assertionXml(said).replace(/NotOnOrAfter="[^"]+"/, `NotOnOrAfter="${past}"`);
        return sign(responseXml(said, inner));
      },
    );
    expect([isIn(at), errorOf(at)]).toEqual([false, "validation_failed"]);
  });

  test("for another service is refused, also where the request says that we are it", async () => {
    const { requestId, relay } = await leave();
    const base = "https://other.example.test/auth/v1/sso/saml";
    const said = {
      ...honest(world.clock.now(), requestId),
      ...{ audience: `${base}/metadata`, recipient: `${base}/acs`, destination: `${base}/acs` },
    };
    const form = { SAMLResponse: encode(signedResponse(said)), RelayState: relay };
    const { headers } = await world.send("POST", "/auth/v1/sso/saml/acs", {
      body: new URLSearchParams(form).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
      origin: "https://other.example.test",
    });
    const at = new URL(headers.get("location") ?? "");
    expect([at.searchParams.get("handle"), errorOf(at)]).toEqual([null, "saml_provider_disabled"]);
  });

  test("is explained in the log, and to nobody else", async () => {
    const at = await attempt((said) => Object.assign(said, { recipient: "https://other.test" }));
    expect(at.href).not.toContain("recipient");
    const lines = world.log.lines.filter(({ event }) => event === "auth.sign_in_refused");
    expect(String(lines.at(-1)?.fields["cause"])).toContain("for another recipient");
  });

  test("signed by SHA-1, or digested by it, is refused", async () => {
    const sha1 = "http://www.w3.org/2000/09/xmldsig#";
    for (const options of [{ signature: `${sha1}rsa-sha1` }, { digest: `${sha1}sha1` }]) {
      const at = await attempt(
        () => undefined,
        (said) => sign(unsigned(said), options),
      );
      expect(isIn(at)).toBe(false);
    }
  });

  test("with a document type is refused before it is read", async () => {
    const types = [
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
      '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
    ];
    for (const type of types) {
      const at = await attempt(
        () => undefined,
        (said) => `${type}${signedResponse(said).replace(/person-\d+/, "&e;")}`,
      );
      expect(isIn(at)).toBe(false);
    }
  });

  test.each(["", "x", "<a/>", "<Response/>", "<samlp:Response>", "\u0000", "x".repeat(100_000)])(
    "that is none is refused: %#",
    async (xml) => {
      const trip = await leave();
      expect(isIn(await comeBack(trip, xml))).toBe(false);
    },
  );
});

describe("signature wrapping", () => {
  /** What the attacker wants believed, and what was really signed. */
  function pair(said: Said) {
    const signed = signedResponse(said);
    const good = /<saml:Assertion.*<\/saml:Assertion>/s.exec(signed)?.[0] ?? "";
    const evil = assertionXml({
      ...said,
      id: "_evil",
      nameId: "root",
      attributes: { mail: "root@x.test" },
    });
    const signature = /<Signature.*?<\/Signature>/s.exec(good)?.[0] ?? "";
    return { said, signed, good, evil, signature };
  }
  type Pair = ReturnType<typeof pair>;
  const wrappings: Record<string, (parts: Pair) => string> = {
    "1: the evil assertion before the signed one": ({ said, good, evil }) =>
      responseXml(said, evil + good),
    "2: the evil assertion after the signed one": ({ said, good, evil }) =>
      responseXml(said, good + evil),
    "3: the signed one inside the evil one": ({ said, good, evil }) =>
      responseXml(said, evil.replace("</saml:Assertion>", `${good}</saml:Assertion>`)),
    "4: the evil one inside the signed one": ({ said, good, evil }) =>
      responseXml(said, good.replace("</saml:Assertion>", `${evil}</saml:Assertion>`)),
    "5: the signature moved into the evil one, the signed one at the end": ({
      said,
      good,
      evil,
      signature,
    }) =>
      responseXml(
        said,
        evil.replace("</saml:Issuer>", `</saml:Issuer>${signature}`) + good.replace(signature, ""),
      ),
    "6: the signed one in the signature's object": ({ said, good, evil, signature }) => {
      const object = `<Object>${good.replace(signature, "")}</Object></Signature>`;
      const moved = signature.replace("</Signature>", object);
      return responseXml(said, evil.replace("</saml:Issuer>", `</saml:Issuer>${moved}`));
    },
    "7: the signed one among extensions": ({ said, good, evil }) =>
      responseXml(said, `<samlp:Extensions>${good}</samlp:Extensions>${evil}`),
    "8: the same id twice": ({ said, good, evil }) =>
      responseXml(said, evil.replace("_evil", said.id) + good),
    "9: the evil one with the signature of the other's id": ({ said, evil, signature }) =>
      responseXml(said, evil.replace("</saml:Issuer>", `</saml:Issuer>${signature}`)),
    "10: another root around the response": ({ signed, evil, said }) =>
      responseXml(said, `${evil}<x>${signed}</x>`),
  };
  test.each(Object.keys(wrappings))("%s", async (name) => {
    const at = await attempt(
      () => undefined,
      (said) => wrappings[name]?.(pair(said)) ?? "",
    );
    if (isIn(at)) expect((await userAt(at)).email).not.toBe("root@x.test");
    const made = await world.sql`select from auth.identities where provider_id = 'root'`;
    expect(made).toHaveLength(0);
    expect(isIn(at)).toBe(false);
  });

  test("a comment in a name does not cut it short", async () => {
    const at = await attempt(
      (said) => Object.assign(said, { nameId: "victim<!-- -->.evil" }),
      (said) => signedResponse(said),
    );
    const { identities } = await userAt(at);
    expect(identities[0].id).toBe("victim.evil");
  });
});

describe("replay", () => {
  test("an assertion is taken once, in any sign-in", async () => {
    const trip = await leave();
    const xml = signedResponse(honest(world.clock.now(), trip.requestId));
    expect(isIn(await comeBack(trip, xml))).toBe(true);
    expect(errorOf(await comeBack(trip, xml))).toBe("saml_relay_state_not_found");
    const other = await leave();
    const said = { ...honest(world.clock.now(), other.requestId), id: "_same" };
    expect(isIn(await comeBack(other, signedResponse(said)))).toBe(true);
    const third = await leave();
    const again = signedResponse({ ...said, inResponseTo: third.requestId });
    expect(errorOf(await comeBack(third, again))).toBe("validation_failed");
  });

  test("and once by those who race", async () => {
    const trip = await leave();
    const xml = signedResponse(honest(world.clock.now(), trip.requestId));
    const ends = await Promise.all([1, 2, 3].map(() => comeBack(trip, xml)));
    expect(ends.filter(isIn)).toHaveLength(1);
  });

  test("the response signs in only the browser that left", async () => {
    const trip = await leave();
    const xml = signedResponse(honest(world.clock.now(), trip.requestId));
    const at = await comeBack(trip, xml, new ProviderBrowser(world));
    expect([isIn(at), errorOf(at)]).toEqual([false, "bad_oauth_state"]);
  });

  test("one person's response is not another's sign-in", async () => {
    const [victim, attacker] = [await leave(), await leave()];
    const xml = signedResponse(honest(world.clock.now(), attacker.requestId));
    expect(isIn(await comeBack(victim, xml))).toBe(false);
  });
});

describe("a response that nobody asked for", () => {
  const unasked = () => honest(world.clock.now(), null);

  test("is refused", async () => {
    const at = new URL(await post(signedResponse(unasked()), APP));
    expect([isIn(at), errorOf(at)]).toEqual([false, "saml_relay_state_not_found"]);
  });

  test("is taken where it is allowed, and leads only to listed addresses", async () => {
    const portal = await openAuthWorld({
      redirect_urls: [APP],
      saml: { ...world.state.config.saml, idp_initiated: true },
    });
    await portal.send("POST", "/auth/v1/admin/sso/providers", {
      bearer: SERVICE,
      body: { type: "saml", metadata_xml: idpMetadata() },
    });
    const go = async (relay: string, said = { ...unasked(), nowMs: portal.clock.now() }) => {
      const { headers } = await portal.send("POST", "/auth/v1/sso/saml/acs", {
        body: new URLSearchParams({
          SAMLResponse: encode(signedResponse(said)),
          RelayState: relay,
        }).toString(),
        headers: { "content-type": "application/x-www-form-urlencoded" },
      });
      return new URL(headers.get("location") ?? "");
    };
    const at = await go(APP);
    expect([isIn(at), `${at.origin}${at.pathname}`]).toEqual([true, APP]);
    expect((await go("https://evil.example.test/")).origin).toBe("http://localhost");
    const lied = { ...unasked(), nowMs: portal.clock.now(), inResponseTo: "_made-up" };
    expect(isIn(await go(APP, lied))).toBe(false);
    await portal.close();
  });
});

describe("who it is", () => {
  test("needs an id that lasts and an address", async () => {
    const transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    const one = await attempt((said) => Object.assign(said, { format: transient }));
    expect(errorOf(one)).toBe("saml_assertion_no_user_id");
    const two = await attempt((said) => Object.assign(said, { attributes: {} }));
    expect(errorOf(two)).toBe("saml_assertion_no_email");
  });

  test("never is somebody of another provider, or of none, by the address", async () => {
    const email = "shared@corp.example.test";
    const made = await world.send("POST", "/auth/v1/admin/users", {
      bearer: SERVICE,
      body: { email, password: "a good long password", email_confirm: true },
    });
    const at = await attempt((said) => Object.assign(said, { attributes: { mail: email } }));
    expect((await userAt(at)).id).not.toBe(made.body.id);
  });
});

describe("POST /sso", () => {
  const sso = (body: unknown) => world.send("POST", "/auth/v1/sso", { body });

  test.each([
    [{}, 400, "validation_failed"],
    [{ domain: "corp.example.test", provider_id: "x" }, 400, "validation_failed"],
    [{ domain: "other.example.test" }, 404, "sso_provider_not_found"],
    [{ provider_id: "00000000-0000-0000-0000-000000000000" }, 404, "sso_provider_not_found"],
    [{ provider_id: "'; --" }, 404, "sso_provider_not_found"],
    [{ domain: "corp.example.test", code_challenge: "x" }, 400, "validation_failed"],
  ])("with %p answers %d %s", async (body, status, code) => {
    const answer = await sso(body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test("sends the browser itself where it is asked to", async () => {
    const { status, headers } = await sso({ domain: "CORP.example.test" });
    expect(status).toBe(303);
    expect(headers.get("location")).toContain("/auth/v1/authorize?ticket=");
  });
});

test("the metadata of this server name it and where to answer", async () => {
  const names = { entityId: AUDIENCE, acsUrl: ACS };
  const xml = await describeServiceProvider(world.state, DEFAULT_TENANT, names);
  expect(xml).toContain(`entityID="${AUDIENCE}"`);
  expect(xml).toContain(`Location="${ACS}"`);
  expect(xml).toContain('WantAssertionsSigned="true"');
});

describe("administration", () => {
  test("needs the secret key", async () => {
    for (const [method, path] of [
      ["GET", ""],
      ["POST", ""],
      ["GET", `/${providerId}`],
      ["PUT", `/${providerId}`],
      ["DELETE", `/${providerId}`],
    ] as const) {
      const { status } = await world.send(method, `/auth/v1/admin/sso/providers${path}`, {
        ...(method === "GET" || method === "DELETE" ? {} : { body: {} }),
      });
      expect(status).toBe(401);
    }
  });

  test("lists, reads, changes and removes", async () => {
    const entity = "https://second.example.test";
    const made = await admin("POST", "", { type: "saml", metadata_xml: idpMetadata(entity) });
    const { id } = made.body;
    expect(made.body).toMatchObject({ disabled: false, domains: [], saml: { entity_id: entity } });
    const listed = await admin("GET", "");
    expect(listed.body.items.map((one: { id: string }) => one.id)).toContain(id);
    expect("metadata_xml" in listed.body.items[0].saml).toBe(false);
    const changed = await admin("PUT", `/${id}`, { domains: ["b.test", "a.test"], disabled: true });
    expect(changed.body.domains.map((one: { domain: string }) => one.domain)).toEqual([
      "a.test",
      "b.test",
    ]);
    const sso = await world.send("POST", "/auth/v1/sso", { body: { domain: "a.test" } });
    expect([sso.status, sso.body.code]).toEqual([404, "sso_provider_disabled"]);
    const taken = await admin("PUT", `/${id}`, { domains: ["corp.example.test"] });
    expect(taken.body.code).toBe("sso_domain_already_exists");
    const other = await admin("PUT", `/${id}`, { metadata_xml: idpMetadata("https://third.test") });
    expect(other.body.code).toBe("saml_entity_id_mismatch");
    expect((await admin("DELETE", `/${id}`)).status).toBe(200);
    expect((await admin("GET", `/${id}`)).body.code).toBe("sso_provider_not_found");
  });

  test.each([
    [{ type: "oidc", metadata_xml: "x" }],
    [{ type: "saml" }],
    [{ type: "saml", metadata_xml: "x", metadata_url: "https://x.test" }],
    [{ type: "saml", metadata_xml: "<x/>" }],
    [{ type: "saml", metadata_xml: "no xml" }],
    [{ type: "saml", metadata_xml: `<!DOCTYPE x>${idpMetadata("https://a.test")}` }],
    [{ type: "saml", metadata_xml: idpMetadata("") }],
    [
      {
        type: "saml",
        metadata_xml: idpMetadata("https://b.test").replace(/<KeyD.*KeyDescriptor>/, ""),
      },
    ],
    [
      {
        type: "saml",
        metadata_xml: idpMetadata("https://c.test").replace(SIGN_IN, "javascript:1"),
      },
    ],
    [{ type: "saml", metadata_url: "nowhere" }],
    [{ type: "saml", metadata_url: "http://127.0.0.1/metadata" }],
    [{ type: "saml", metadata_url: "https://169.254.169.254/" }],
    [{ type: "saml", metadata_xml: idpMetadata("https://d.test"), domains: ["not a domain"] }],
    [{ type: "saml", metadata_xml: idpMetadata("https://e.test"), name_id_format: "x" }],
  ])("refuses %p", async (body) => {
    const { status } = await admin("POST", "", body);
    expect(status).toBe(400);
  });

  test("takes an entity once", async () => {
    const { body } = await admin("POST", "", { type: "saml", metadata_xml: idpMetadata() });
    expect(body.code).toBe("saml_idp_already_exists");
  });
});

describe("metadata with an address", () => {
  test("are read again after a day, by one sign-in, and not by each while that fails", async () => {
    await world.sql`
      update auth.saml_providers set metadata_url = 'https://idp.example.test/metadata'
      where sso_provider_id = ${providerId}`;
    const { ask } = world.state.providers;
    let asked = 0;
    const down = async () => {
      asked += 1;
      throw new Error("down");
    };
    Object.assign(world.state.providers, { ask: down });
    try {
      await world.clock.advance(25 * 3_600_000);
      await Promise.all([leave(), leave(), leave()]);
      expect(asked).toBe(1);
      await world.clock.advance(600_000);
      await leave();
      expect(asked).toBe(2);
      Object.assign(world.state.providers, {
        ask: async () => ({ status: 200, text: idpMetadata(), json: undefined }),
      });
      await world.clock.advance(600_000);
      await leave();
      const [row] = await world.sql`
        select updated_at from auth.saml_providers where sso_provider_id = ${providerId}`;
      expect(row?.["updated_at"]).toEqual(world.state.now());
    } finally {
      Object.assign(world.state.providers, { ask });
      await world.sql`update auth.saml_providers set metadata_url = null`;
    }
  });

  test("as text may be as long as providers make them", async () => {
    const metadata_xml = idpMetadata("https://long.example.test").replace(
      "</EntityDescriptor>",
      `<!--${"x".repeat(100_000)}--></EntityDescriptor>`,
    );
    const { status, body } = await admin("POST", "", { type: "saml", metadata_xml });
    expect(status).toBe(201);
    await admin("DELETE", `/${body.id}`);
  });
});

describe("with a key of its own", () => {
  const settings = () => ({
    ...world.state.config.saml,
    private_key: KEYS.evil.key,
    certificate: KEYS.evil.certificate,
  });

  test("requests are signed, the metadata have the certificate, encrypted assertions are opened", async () => {
    const own = await openAuthWorld({ redirect_urls: [APP], saml: settings() });
    await own.send("POST", "/auth/v1/admin/sso/providers", {
      bearer: SERVICE,
      body: { type: "saml", metadata_xml: idpMetadata(), domains: ["corp.example.test"] },
    });
    const { body } = await own.send("POST", "/auth/v1/sso", {
      body: { domain: "corp.example.test", redirect_to: APP, skip_http_redirect: true },
    });
    const browser = new ProviderBrowser(own);
    const { location } = await browser.visit(body.url.replace("http://localhost", ""));
    const asked = new URL(location).searchParams;
    expect(asked.get("SigAlg")).toEndWith("#rsa-sha256");
    const signedPart = new URL(location).search.slice(1).replace(/&Signature=.*$/, "");
    const verifier = createVerify("RSA-SHA256").update(signedPart);
    expect(verifier.verify(KEYS.evil.certificate, asked.get("Signature") ?? "", "base64")).toBe(
      true,
    );
    const names = { entityId: AUDIENCE, acsUrl: ACS };
    const xml = await describeServiceProvider(own.state, DEFAULT_TENANT, names);
    expect(xml).toContain("X509Certificate");
    const said = honest(own.clock.now(), requestIdOf(location));
    const sealed = await encrypt(sign(assertionXml(said)), KEYS.evil.certificate);
    const form = new URLSearchParams({
      SAMLResponse: encode(responseXml(said, sealed)),
      RelayState: asked.get("RelayState") ?? "",
    });
    const posted = await own.send("POST", "/auth/v1/sso/saml/acs", {
      body: form.toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    const back = new URL(posted.headers.get("location") ?? "");
    const at = new URL((await browser.visit(`${back.pathname}${back.search}`)).location);
    expect(isIn(at)).toBe(true);
    await own.close();
  });

  test("without one, encrypted assertions are refused", async () => {
    const trip = await leave();
    const said = honest(world.clock.now(), trip.requestId);
    const sealed = await encrypt(sign(assertionXml(said)), KEYS.evil.certificate);
    expect(isIn(await comeBack(trip, responseXml(said, sealed)))).toBe(false);
  });
});
