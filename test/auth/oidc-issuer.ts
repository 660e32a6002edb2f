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
  close(): Promise<void>;
}

export const CLIENT = {
  client_id: "reactor",
  client_secret: "a secret of +/= the client",
} as const;

/** @param redirectUris as registered there: exact. */
export async function startOidcIssuer(
  redirectUris: readonly string[],
  more: Partial<ClientMetadata> = {},
): Promise<OidcIssuer> {
  let handler: ReturnType<Provider["callback"]> | null = null;
  const server = createServer((req, res) => void handler?.(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let who = "nobody";
  let isRefused = false;
  const people = new Map<string, Omit<AccountClaims, "sub">>();
  const provider = new Provider(issuer, {
    clients: [{ ...CLIENT, redirect_uris: [...redirectUris], ...more } as ClientMetadata],
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
      claims: () => ({ sub: accountId, ...people.get(accountId) }),
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
    const result = isRefused
      ? { error: "access_denied", error_description: "The person said no" }
      : { login: { accountId: who, remember: false } };
    isRefused = false;
    await provider.interactionFinished(ctx.req, ctx.res, result, {
      mergeWithLastSubmission: false,
    });
    ctx.respond = false;
  });
  handler = provider.callback();
  return {
    issuer,
    become(accountId, claims) {
      who = accountId;
      people.set(accountId, claims);
    },
    refuse() {
      isRefused = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
