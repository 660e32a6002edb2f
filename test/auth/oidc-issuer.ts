/**
 * A real OpenID Connect provider on loopback (`oidc-provider`), in which everybody who comes is the
 * account that the test has chosen and agrees to everything.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type AccountClaims, type ClientMetadata } from "oidc-provider";

export interface OidcIssuer {
  readonly issuer: string;
  /** Who comes next, and what the provider says of them. */
  become(accountId: string, claims: Omit<AccountClaims, "sub">): void;
  /** The next sign-in is refused by the person. */
  refuse(): void;
  /** Registers the client anew: where it may be sent back to. */
  register(redirectUris: readonly string[]): void;
  /** An id token as an app on a phone gets it, for whoever comes next. */
  idToken(nonce: string): Promise<string>;
  close(): Promise<void>;
}

export const CLIENT = {
  client_id: "reactor",
  client_secret: "a secret of +/= the client",
} as const;

/** @param redirectUris as registered there: exact. */
export async function startOidcIssuer(redirectUris: readonly string[]): Promise<OidcIssuer> {
  let handler: ReturnType<Provider["callback"]> | null = null;
  const server = createServer((req, res) => void handler?.(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const people: People = { who: "nobody", isRefused: false, claims: new Map() };
  let registered = redirectUris;
  const register = (uris: readonly string[]) => {
    registered = uris;
    handler = makeProvider(issuer, uris, people).callback();
  };
  register(redirectUris);
  return {
    issuer,
    become(accountId, claims) {
      people.who = accountId;
      people.claims.set(accountId, claims);
    },
    refuse() {
      people.isRefused = true;
    },
    register,
    idToken: (nonce) => fetchIdToken(issuer, registered[0] ?? "", nonce),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

interface People {
  who: string;
  isRefused: boolean;
  readonly claims: Map<string, Omit<AccountClaims, "sub">>;
}

function makeProvider(issuer: string, redirectUris: readonly string[], people: People): Provider {
  const provider = new Provider(issuer, {
    clients: [{ ...CLIENT, redirect_uris: [...redirectUris] } as ClientMetadata],
    pkce: { required: () => true },
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["name", "picture", "preferred_username"],
    },
    features: { devInteractions: { enabled: false } },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key for tests"] },
    findAccount: (_ctx, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, ...people.claims.get(accountId) }),
    }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    async loadExistingGrant(ctx) {
      const { client, session } = ctx.oidc;
      const grant = new ctx.oidc.provider.Grant({
        clientId: client?.clientId ?? "",
        accountId: session?.accountId ?? "",
      });
      grant.addOIDCScope("openid email profile offline_access");
      await grant.save();
      return grant;
    },
  });
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith("/interaction/")) return next();
    const result = people.isRefused
      ? { error: "access_denied", error_description: "The person said no" }
      : { login: { accountId: people.who, remember: false } };
    people.isRefused = false;
    const keep = { mergeWithLastSubmission: false };
    await provider.interactionFinished(ctx.req, ctx.res, result, keep);
    ctx.respond = false;
  });
  return provider;
}

async function fetchIdToken(issuer: string, redirectUri: string, nonce: string): Promise<string> {
  const verifier = "an app's verifier ".replaceAll(/[^a-z]/g, "-").repeat(3);
  const query = new URLSearchParams({
    client_id: CLIENT.client_id,
    response_type: "code",
    redirect_uri: redirectUri,
    scope: "openid email profile",
    nonce,
    code_challenge: new Bun.CryptoHasher("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const cookies = new Map<string, string>();
  let at = new URL(`${issuer}/auth?${query}`);
  while (at.origin === issuer) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(at, { redirect: "manual", headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split(/=(.*)/s);
      cookies.set(name, value);
    }
    const next = answer.headers.get("location");
    if (next === null) throw new Error(`${at.href} answered ${answer.status}`);
    at = new URL(next, at);
  }
  const pair = `${CLIENT.client_id}:${encodeURIComponent(CLIENT.client_secret)}`;
  const answer = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(pair)}` },
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: at.searchParams.get("code") ?? "",
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }),
  });
  const { id_token: token } = (await answer.json()) as { id_token?: string };
  if (token === undefined) throw new Error("no id token");
  return token;
}
