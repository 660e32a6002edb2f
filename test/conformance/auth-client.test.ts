import { describe, expect, test } from "bun:test";
import { coreErrors, ReactorError } from "../../src/core/errors.ts";
import type { AuthClient } from "../../src/core/ports/auth.ts";
import type { Project } from "../../src/core/project.ts";
import { createLocalAuth } from "../../src/shared/auth/create-local-auth.ts";
import { readCredentials } from "../../src/shared/auth/credentials.ts";
import { sharedSecretKey } from "../../src/shared/auth/signing-key.ts";
import { createAuthRemote } from "../../src/shared/auth-remote.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { type ForgeKey, forge, forgeHmac, newKey } from "../support/token-forge.ts";
import { authClientConformance, type OpenedAuthClient } from "./auth-client.ts";
import { failure } from "./opened.ts";

const t = { id: "default" };
const issuer = "urn:uuid:018f3a5e-0000-7000-8000-0000000000aa";

/** An installation: its clock, its project and the client in its own process. */
function installation() {
  const clock = createSimClock();
  const signing = (key: ForgeKey): Project => ({
    ...{ issuer, publishableKey: "sb_publishable_abc", secretKey: "sb_secret_def" },
    signingKeys: [{ ...key, alg: "ES256" }],
  });
  const key = newKey("first");
  const state = { key, project: signing(key) };
  const client = createLocalAuth({ project: () => state.project, clock });
  const rotate = (next: ForgeKey) => {
    state.key = next;
    state.project = signing(next);
  };
  return { clock, client, state, rotate };
}

type Installation = ReturnType<typeof installation>;

/** The three routes of auth that a client elsewhere depends on, over a real socket. */
function serveAuth({ client, state }: Installation) {
  const requests: string[] = [];
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    requests.push(`${request.method} ${pathname}`);
    switch (pathname) {
      case "/auth/v1/.well-known/jwks.json":
        return Response.json({ keys: state.project.signingKeys.map((k) => k.publicJwk) });
      case "/auth/v1/.well-known/openid-configuration":
        // The provider's own address is another than what tokens carry.
        return Response.json({ issuer: "http://here/auth/v1", access_token_issuer: issuer });
      default: {
        const { role, userId, claims, expiresAt } = await client.authenticate(
          t,
          readCredentials(request.headers),
        );
        const expires = Number.isFinite(expiresAt) ? expiresAt : null;
        return Response.json({ role, user_id: userId, claims, expires_at: expires });
      }
    }
  };
  const server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    fetch: (request) =>
      answer(request).catch((error: unknown) => {
        if (!(error instanceof ReactorError)) throw error;
        return Response.json(error.body(), { status: error.status, headers: error.headers });
      }),
  });
  return { url: server.url.origin, requests, close: () => server.stop(true) };
}

function opened(
  own: Installation,
  client: AuthClient,
  close: () => Promise<void>,
): OpenedAuthClient {
  return {
    ...{ client, clock: own.clock, issuer, rotate: own.rotate, close },
    ...{ publishableKey: "sb_publishable_abc", secretKey: "sb_secret_def" },
    get key() {
      return own.state.key;
    },
  };
}

authClientConformance("in process", async () => {
  const own = installation();
  return opened(own, own.client, async () => {});
});

authClientConformance("remote", async () => {
  const own = installation();
  const server = serveAuth(own);
  const remote = createAuthRemote({ url: server.url, clock: own.clock, log: createMemoryLog() });
  return opened(own, remote, server.close);
});

describe("AuthClient (remote)", () => {
  const token = (
    own: Installation,
    kid = own.state.key.kid,
    forged = own.state.key,
    more: Record<string, unknown> = {},
  ) => {
    const nowS = Math.floor(own.clock.now() / 1_000);
    const sub = "018f3a5e-0000-7000-8000-000000000001";
    const claims = {
      iss: issuer,
      aud: "authenticated",
      sub,
      role: "authenticated",
      exp: nowS + 9e6,
      ...more,
    };
    return forge(forged, { alg: "ES256", kid, typ: "JWT" }, claims);
  };
  const bearer = async (client: AuthClient, value: string) =>
    await client.authenticate(t, { bearer: value, apikey: null });
  const key = async (client: AuthClient, value: string) =>
    await client.authenticate(t, { bearer: null, apikey: value });

  test("asks for the keys once, and again for unknown ones at most every 10 s", async () => {
    const own = installation();
    const server = serveAuth(own);
    const client = createAuthRemote({ url: server.url, clock: own.clock, log: createMemoryLog() });
    const asked = () => server.requests.filter((r) => r.endsWith("jwks.json")).length;
    try {
      await Promise.all(Array.from({ length: 20 }, () => bearer(client, token(own))));
      expect(asked()).toBe(1);
      for (let i = 0; i < 50; i++) await failure(bearer(client, token(own, `rubbish-${i}`)));
      expect(asked()).toBe(1);
      await own.clock.advance(10_000);
      for (let i = 0; i < 50; i++) await failure(bearer(client, token(own, `rubbish-${i}`)));
      expect(asked()).toBe(2);
      await bearer(client, token(own));
      expect(asked()).toBe(2);
    } finally {
      await server.close();
    }
  });

  test("forgets a withdrawn key within ten minutes, though nobody names a new one", async () => {
    const own = installation();
    const server = serveAuth(own);
    const client = createAuthRemote({ url: server.url, clock: own.clock, log: createMemoryLog() });
    try {
      const old = token(own);
      await bearer(client, old);
      own.rotate(newKey("second"));
      await own.clock.advance(600_000);
      expect((await failure(bearer(client, old))).details).toContain("unknown key");
    } finally {
      await server.close();
    }
  });

  test("asks about an opaque key once in 30 s", async () => {
    const own = installation();
    const server = serveAuth(own);
    const client = createAuthRemote({ url: server.url, clock: own.clock, log: createMemoryLog() });
    const asked = () => server.requests.filter((r) => r === "POST /auth/v1/_verify").length;
    try {
      for (let i = 0; i < 5; i++)
        expect((await key(client, "sb_secret_def")).role).toBe("service_role");
      expect(asked()).toBe(1);
      await own.clock.advance(30_000);
      await key(client, "sb_secret_def");
      expect(asked()).toBe(2);
      for (let i = 0; i < 3; i++) await failure(key(client, "sb_secret_wrong"));
      expect(asked()).toBe(5);
    } finally {
      await server.close();
    }
  });

  test("a token of a shared secret is asked about, once in 30 s, and never past its expiry", async () => {
    const own = installation();
    const server = serveAuth(own);
    const shared = sharedSecretKey("a shared secret of forty characters ....");
    own.state.project = {
      ...own.state.project,
      signingKeys: [...own.state.project.signingKeys, shared],
    };
    const client = createAuthRemote({ url: server.url, clock: own.clock, log: createMemoryLog() });
    const asked = () => server.requests.filter((r) => r === "POST /auth/v1/_verify").length;
    const nowS = Math.floor(own.clock.now() / 1_000);
    const sub = "018f3a5e-0000-7000-8000-000000000001";
    const claims = {
      iss: issuer,
      aud: "authenticated",
      sub,
      role: "authenticated",
      exp: nowS + 20,
    };
    const secret = Buffer.from(shared.privateJwk["k"] ?? "", "base64url").toString();
    const good = forgeHmac(secret, { alg: "HS256", kid: shared.kid, typ: "JWT" }, claims);
    try {
      for (let i = 0; i < 5; i++) expect((await bearer(client, good)).userId).toBe(sub);
      expect(asked()).toBe(1);
      const forged = forgeHmac(`${secret}.`, { alg: "HS256", typ: "JWT" }, claims);
      expect((await failure(bearer(client, forged))).code).toBe("bad_credential");
      const byPublic = forgeHmac(JSON.stringify(own.state.key.publicJwk), { alg: "HS256" }, claims);
      expect((await failure(bearer(client, byPublic))).code).toBe("bad_credential");
      await own.clock.advance(20_000);
      expect((await failure(bearer(client, good))).code).toBe("bad_credential");
    } finally {
      await server.close();
    }
  });

  test("a member's token is asked about once in 900 ms, and believed while nobody answers", async () => {
    const own = installation();
    const server = serveAuth(own);
    const client = createAuthRemote({ url: server.url, clock: own.clock, log: createMemoryLog() });
    const asked = () => server.requests.filter((r) => r === "POST /auth/v1/_verify").length;
    const org = "018f3a5e-0000-7000-8000-00000000000a";
    const member = token(own, own.state.key.kid, own.state.key, { org_id: org });
    try {
      for (let i = 0; i < 5; i++) await bearer(client, member);
      expect(asked()).toBe(1);
      await own.clock.advance(900);
      await bearer(client, member);
      expect(asked()).toBe(2);
      const other = { bearer: member, apikey: null, org: "018f3a5e-0000-7000-8000-00000000000b" };
      expect((await failure(client.authenticate(t, other) as Promise<unknown>)).code).toBe(
        "org_forbidden",
      );
    } finally {
      await server.close();
    }
    await own.clock.advance(900);
    expect(JSON.parse((await bearer(client, member)).claims).org_id).toBe(org);
    const named = { bearer: member, apikey: null, org };
    expect((await failure(client.authenticate(t, named) as Promise<unknown>)).code).toBe(
      "unavailable",
    );
  });

  test("a server that cannot be reached is `unavailable`; known keys go on working", async () => {
    const own = installation();
    const server = serveAuth(own);
    const log = createMemoryLog();
    const client = createAuthRemote({ url: server.url, clock: own.clock, log });
    await bearer(client, token(own));
    await server.close();
    expect((await bearer(client, token(own))).role).toBe("authenticated");
    await own.clock.advance(600_001);
    expect((await bearer(client, token(own))).role).toBe("authenticated");
    await own.clock.advance(10_000);
    const unknown = await failure(bearer(client, token(own, "new")));
    expect([unknown.status, unknown.code]).toEqual([503, "unavailable"]);
    const asked = await failure(key(client, "sb_secret_def"));
    expect([asked.status, asked.code]).toEqual([503, "unavailable"]);
    expect(asked.headers["Retry-After"]).toBe("1");
    const fresh = createAuthRemote({ url: server.url, clock: own.clock, log });
    expect((await failure(bearer(fresh, token(own)))).code).toBe("unavailable");
    expect(JSON.stringify(log.lines)).not.toContain("sb_secret_def");
  });

  test("an error of the other server arrives unchanged", async () => {
    const thrown = coreErrors.too_many_requests(7);
    const own = installation();
    const body = { ...thrown.body(), details: "d", reasons: ["r"] };
    const client = createAuthRemote({
      ...{ url: "http://auth.example", clock: own.clock, log: createMemoryLog() },
      fetch: async () => Response.json(body, { status: 429, headers: thrown.headers }),
    });
    const error = await failure(key(client, "sb_secret_def"));
    expect(JSON.stringify(error.body())).toBe(JSON.stringify(body));
    expect([error.status, error.headers["Retry-After"]]).toEqual([429, "7"]);
  });

  test("an answer that makes no sense is `unavailable`, and grants nothing", async () => {
    const own = installation();
    const service = { role: "service_role", user_id: null, claims: "{}", expires_at: null };
    const answers: (() => Response)[] = [
      () => new Response("<html>", { status: 200 }),
      () => new Response("<html>", { status: 502 }),
      () => Response.json({}, { status: 200 }),
      () => Response.json({ role: "service_role" }),
      () => Response.json({ role: "service_role", user_id: 1, claims: "{}", expires_at: null }),
      () => Response.json({ role: "service_role", user_id: null, claims: {}, expires_at: null }),
      () => Response.json({ ...service, filler: "x".repeat(300_000) }),
      () => Response.json({ message: "no code" }, { status: 500 }),
    ];
    for (const answer of answers) {
      const client = createAuthRemote({
        ...{ url: "http://auth.example/", clock: own.clock, log: createMemoryLog() },
        fetch: async () => answer(),
      });
      expect((await failure(key(client, "sb_secret_def"))).code).toBe("unavailable");
      expect((await failure(bearer(client, token(own)))).code).toBe("unavailable");
    }
  });

  test("a server that does not answer is given up after 5 s", async () => {
    const own = installation();
    const client = createAuthRemote({
      ...{ url: "http://auth.example", clock: own.clock, log: createMemoryLog() },
      fetch: (_url, init) =>
        new Promise((_, reject) => {
          init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
        }),
    });
    const waiting = failure(key(client, "sb_secret_def"));
    await own.clock.advance(5_000);
    expect((await waiting).code).toBe("unavailable");
  });
});
