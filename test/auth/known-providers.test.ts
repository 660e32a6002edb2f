/**
 * What is known of providers, beside arctic's own classes: every provider of arctic's is asked for its
 * authorization URL and its token request, and ours must be the same. arctic's requests go to whatever
 * `fetch` is, without a time limit and to any address, so the server makes its own.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as arctic from "arctic";
import { createAskProvider } from "../../src/capabilities/auth/providers/ask-provider.ts";
import type { ProviderSettings } from "../../src/capabilities/auth/providers/config.ts";
import { IssuerDirectory } from "../../src/capabilities/auth/providers/discovery.ts";
import { exchangeCode } from "../../src/capabilities/auth/providers/exchange-code.ts";
import { readKnownProviders } from "../../src/capabilities/auth/providers/known-providers.ts";
import { createProviders } from "../../src/capabilities/auth/providers/providers.ts";
import { type AuthWorld, openAuthWorld } from "./auth-world.ts";
import { ProviderBrowser } from "./provider-browser.ts";

const PROVIDERS = join(import.meta.dir, "../../node_modules/arctic/dist/providers");
const files = readdirSync(PROVIDERS)
  .filter((name) => name.endsWith(".js"))
  .map((name) => name.slice(0, -".js".length))
  .sort();
const REDIRECT = "http://localhost/auth/v1/callback";
const VERIFIER = "V".repeat(43);

/** arctic's constructors and methods take these by name. */
const VALUES: Record<string, unknown> = {
  clientId: "ID",
  applicationId: "ID",
  clientKey: "ID",
  clientSecret: "SECRET",
  applicationSecret: "SECRET",
  redirectURI: REDIRECT,
  domain: "acme.example.test",
  baseURL: "https://base.example.test",
  realmURL: "https://base.example.test",
  tenant: "tenant",
  authorizationServerId: "server",
  state: "STATE",
  codeVerifier: VERIFIER,
  scopes: ["one", "two"],
  code: "CODE",
  teamId: "TEAM",
  keyId: "KEY",
};

const settings: ProviderSettings = {
  client_id: "ID",
  client_secret: "SECRET",
  url: "https://base.example.test",
  domain: "acme.example.test",
  tenant: "tenant",
  server: "server",
  scopes: ["one", "two"],
};

/** Where arctic's paths are not the provider's (docs.joinmastodon.org/methods/oauth). */
const CORRECTED: Record<string, [string, string]> = { mastodon: ["/api/v1/oauth/", "/oauth/"] };
/** Only sent by us: arctic leaves the state out, or the other way round needs it from the caller. */
const OURS = ["state", "nonce", "response_mode"];

interface Sent {
  readonly url: string;
  readonly isBasic: boolean;
  readonly body: Record<string, string>;
}

const realFetch = globalThis.fetch;
let sent: Sent | null = null;
let world: AuthWorld;

beforeAll(async () => {
  const pkcs8 = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
  ]);
  VALUES["pkcs8PrivateKey"] = new Uint8Array(
    await crypto.subtle.exportKey("pkcs8", pkcs8.privateKey),
  );
  const named = files.map((name) => [name, settings] as const);
  world = await openAuthWorld({ providers: Object.fromEntries(named) });
});
afterAll(async () => {
  globalThis.fetch = realFetch;
  await world.close();
});

function readArguments(source: string, method: string): unknown[] {
  const names = new RegExp(`${method}\\(([^)]*)\\)`).exec(source)?.[1]?.split(",") ?? [];
  return names.map((name) => VALUES[name.trim()]);
}

/** arctic's authorization URL and token request. */
async function askArctic(name: string) {
  const source = readFileSync(join(PROVIDERS, `${name}.js`), "utf8");
  const className = /export class (\w+)/.exec(source)?.[1] ?? "";
  // biome-ignore lint/suspicious/noExplicitAny: classes of many shapes, called by their sources' names
  const Class = (arctic as any)[className];
  const made = new Class(...readArguments(source, "constructor"));
  const url = made.createAuthorizationURL(...readArguments(source, "createAuthorizationURL"));
  sent = null;
  globalThis.fetch = (async (request: Request) => {
    const body = Object.fromEntries(new URLSearchParams(await request.text()));
    sent = { url: request.url, isBasic: request.headers.has("authorization"), body };
    return Response.json({ access_token: "a", token_type: "bearer", status: 0, body: {} });
  }) as unknown as typeof fetch;
  await made
    .validateAuthorizationCode(...readArguments(source, "validateAuthorizationCode"))
    .catch(() => undefined);
  globalThis.fetch = realFetch;
  return { url: url as URL, token: sent as Sent | null };
}

async function askOurs(name: string): Promise<Sent> {
  const provider = world.state.providers.find(name);
  if (!provider) throw new Error(`${name} is not known`);
  let found: Sent | null = null;
  const ask = async (request: Parameters<ReturnType<typeof createAskProvider>>[0]) => {
    const headers = new Headers(request.headers);
    const body = Object.fromEntries(new URLSearchParams(request.body ?? ""));
    found = { url: request.url, isBasic: headers.has("authorization"), body };
    return { status: 200, json: { access_token: "a", body: { access_token: "a" } }, text: "" };
  };
  const { clock } = world.state.deps;
  const providers = { ...world.state.providers, ask, directory: new IssuerDirectory(ask, clock) };
  const state = { ...world.state, providers };
  const secrets = {
    nonce: null,
    verifier: provider.pkce === "none" ? null : VERIFIER,
    redirectUri: REDIRECT,
  };
  await exchangeCode(state, { id: "default" } as never, provider, "CODE", secrets);
  if (!found) throw new Error("nothing was sent");
  return found;
}

const correct = (name: string, text: string) => {
  const [theirs, real] = CORRECTED[name] ?? ["", ""];
  return theirs === "" ? text : text.replace(theirs, real);
};

describe("every provider that arctic knows", () => {
  test("is known here", () => {
    const known = readKnownProviders();
    expect(files.filter((name) => !known.has(name))).toEqual([]);
    expect(files.length).toBeGreaterThanOrEqual(60);
  });

  test("is told of in the documentation", () => {
    const page = readFileSync(join(import.meta.dir, "../../docs/auth.md"), "utf8");
    const names = [...readKnownProviders().keys()];
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  test.each(files)("%s is asked to sign somebody in as arctic asks", async (name) => {
    const { url } = await askArctic(name);
    const browser = new ProviderBrowser(world);
    const { location } = await browser.visit(`/auth/v1/authorize?provider=${name}`);
    const ours = new URL(location);
    expect(`${ours.origin}${ours.pathname}`).toBe(correct(name, `${url.origin}${url.pathname}`));
    const rest = (all: URLSearchParams) =>
      Object.fromEntries(
        [...all]
          .filter(([key]) => !OURS.includes(key))
          .map(([key, value]) => [key, key === "code_challenge" ? value.length : value]),
      );
    // Where arctic takes no scopes the provider has none, and gets ours only if they are set.
    const theirs = rest(url.searchParams);
    const mine = rest(ours.searchParams);
    if (!("scope" in theirs)) delete mine["scope"];
    expect(mine).toEqual(theirs);
  });

  test.each(files)("%s is asked for tokens as arctic asks", async (name) => {
    const { token } = await askArctic(name);
    const ours = await askOurs(name);
    expect(ours.url).toBe(correct(name, token?.url ?? ""));
    expect(ours.isBasic).toBe(token?.isBasic ?? false);
    const { client_secret: mine, ...own } = ours.body;
    const { client_secret: theirs, ...their } = token?.body ?? {};
    expect(own).toEqual(their);
    expect(mine === undefined).toBe(theirs === undefined);
  });
});

describe("a provider's block", () => {
  test.each([...new Set(readKnownProviders().values())].map((one) => [one.name, one] as const))(
    "%s says who somebody is, and only by https",
    (_name, one) => {
      expect(one.issuer !== null || one.claims["sub"] !== undefined).toBe(true);
      expect(one.issuer !== null || one.person !== null).toBe(true);
      expect(["basic", "post", "public"]).toContain(one.clientAuth);
      expect(["s256", "plain", "none"]).toContain(one.pkce);
      const urls = [one.authorizeUrl, one.tokenUrl, one.issuer, one.emailsUrl];
      for (const url of urls) if (url !== null) expect(url).toMatch(/^(?:https:\/\/|\{url[=}])/);
    },
  );
});

describe("settings that do not fit together are found at the start", () => {
  const make = (name: string, one: ProviderSettings) =>
    createProviders(
      { providers: { [name]: one }, provider_networks: [], provider_timeout_s: 5 },
      world.clock,
    );

  test.each([
    ["unheard-of", { client_id: "x" }, "set issuer"],
    ["mine", { client_id: "x", type: "unheard-of" }, "no provider of type"],
    ["mine", { client_id: "x", authorize_url: "https://a.test/" }, "also needs token_url"],
    ["keycloak", { client_id: "x" }, "needs url"],
    ["auth0", { client_id: "x" }, "needs domain"],
  ])("%s %p", (name, one, fault) => {
    expect(() => make(name, one)).toThrow(fault);
  });

  test("and networks that are none", () => {
    expect(() =>
      createAskProvider({ clock: world.clock, timeoutMs: 1, networks: ["lan"] }),
    ).toThrow("provider_networks");
  });
});
