/**
 * A provider that misbehaves on request. It has no pages: the test reads what it was asked, decides
 * what it answers, and brings the browser back by itself.
 */
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

export type Answers = Record<string, (request: Request) => Response | Promise<Response>>;

export interface FakeIssuer {
  readonly issuer: string;
  readonly keys: { kid: string; privateKey: CryptoKey; publicJwk: Record<string, unknown> }[];
  /** Path -> answer in place of the honest one. */
  readonly answers: Answers;
  /** Requests that came, oldest first. */
  readonly asked: { path: string; body: URLSearchParams; headers: Headers }[];
  /** What the next token answer holds beside the access token. */
  tokens: Record<string, unknown>;
  person: Record<string, unknown>;
  /** Adds a key; the newest signs. */
  rotate(): Promise<void>;
  sign(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  /** Forgets answers, requests and people. */
  reset(): void;
  stop(): void;
}

export async function startFakeIssuer(): Promise<FakeIssuer> {
  const keys: FakeIssuer["keys"] = [];
  const asked: FakeIssuer["asked"] = [];
  const answers: Answers = {};
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const body = new URLSearchParams(await request.clone().text());
      asked.push({ path: pathname, body, headers: request.headers });
      return (
        (answers[pathname] ?? honest[pathname])?.(request) ?? new Response("", { status: 404 })
      );
    },
  });
  const issuer = `http://127.0.0.1:${server.port}`;
  const honest: Answers = {
    "/.well-known/openid-configuration": () =>
      Response.json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        userinfo_endpoint: `${issuer}/userinfo`,
        jwks_uri: `${issuer}/keys`,
        authorization_response_iss_parameter_supported: true,
      }),
    "/keys": () =>
      Response.json({
        keys: keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, use: "sig" })),
      }),
    "/token": () => Response.json({ access_token: "their-access", ...fake.tokens }),
    "/userinfo": () => Response.json(fake.person),
    "/user": () => Response.json(fake.person),
  };
  const fake: FakeIssuer = {
    issuer,
    keys,
    answers,
    asked,
    tokens: {},
    person: {},
    async rotate() {
      const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
      keys.push({
        kid: `key-${keys.length + 1}`,
        privateKey,
        publicJwk: { ...(await exportJWK(publicKey)), alg: "ES256" },
      });
    },
    async sign(claims, header = {}) {
      const key = keys.at(-1);
      if (!key) throw new Error("no key");
      return new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", kid: key.kid, ...header })
        .sign(key.privateKey);
    },
    reset() {
      for (const path of Object.keys(answers)) delete answers[path];
      asked.length = 0;
      fake.tokens = {};
      fake.person = {};
    },
    stop: () => void server.stop(true),
  };
  await fake.rotate();
  return fake;
}
