/** A client that registered itself looks after its own record (RFC 7592), and nobody else does. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { authConfig } from "../../src/capabilities/auth/config.ts";
import { type AuthWorld, openAuthWorld, signUp } from "./auth-world.ts";
import {
  authorize,
  CALLBACK,
  createClient,
  introspectedBy,
  refreshFor,
  SECRET_KEY,
  tokensFor,
} from "./oauth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const REGISTER = "/auth/v1/oauth/clients/register";
const ISSUER = "https://auth.example.test/auth/v1";
const METADATA = { client_name: "Notes", redirect_uris: [CALLBACK] };
let world: AuthWorld;

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

// biome-ignore lint/suspicious/noExplicitAny: tests read into answers of many shapes
async function register(more: object = {}): Promise<any> {
  const { status, body } = await world.send("POST", REGISTER, { body: { ...METADATA, ...more } });
  expect(status).toBe(201);
  return body;
}

interface Registered {
  readonly client_id: string;
  readonly registration_access_token: string;
}

const ask = (
  method: string,
  { client_id: id, registration_access_token: bearer }: Registered,
  body?: object,
) => world.send(method, `${REGISTER}/${id}`, { bearer, ...(body ? { body } : {}) });

describe("a client's own record", () => {
  test("is read by the token that came with it, without the secret", async () => {
    const made = await register();
    expect(made.registration_client_uri).toBe(`${ISSUER}/oauth/clients/register/${made.client_id}`);
    expect(made.registration_access_token).toMatch(/^[\w-]{43}$/);
    const { status, headers, body } = await ask("GET", made);
    const { client_secret: _, client_secret_expires_at: __, ...told } = made;
    expect([status, headers.get("cache-control"), body]).toEqual([200, "no-store", told]);
    const [row] = await world.sql`select * from auth.oauth_clients where id = ${made.client_id}`;
    expect(JSON.stringify(row)).not.toContain(made.registration_access_token);
  });

  test("is replaced as a whole: what is left out is gone", async () => {
    const made = await register({ client_uri: "https://app.example.test/", scope: "openid email" });
    const next = ["https://app.example.test/next"];
    const { status, body } = await ask("PUT", made, {
      client_id: made.client_id,
      client_secret: made.client_secret,
      client_name: "Better notes",
      redirect_uris: next,
      post_logout_redirect_uris: next,
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      client_id: made.client_id,
      client_name: "Better notes",
      redirect_uris: next,
      post_logout_redirect_uris: next,
      registration_access_token: made.registration_access_token,
    });
    expect([body.client_uri, body.scope]).toEqual([undefined, undefined]);
    const client = { id: made.client_id, secret: made.client_secret, redirectUri: CALLBACK };
    expect((await authorize(world, client)).status).toBe(400);
    const moved = { ...client, redirectUri: next[0] ?? "" };
    expect((await authorize(world, moved)).status).toBe(302);
    const log = await world.sql`
      select from auth.audit_log_entries
      where payload ->> 'action' = 'oauth_client_updated'
        and payload -> 'traits' ->> 'client_id' = ${made.client_id}`;
    expect(log).toHaveLength(1);
  });

  test("is removed with all that it was given", async () => {
    const made = await register();
    const client = { id: made.client_id, secret: made.client_secret, redirectUri: CALLBACK };
    const who = await signUp(world, "ada@example.test");
    const tokens = await tokensFor(world, who, client);
    const { status, body } = await ask("DELETE", made);
    expect([status, body]).toEqual([204, null]);
    expect((await refreshFor(world, client, tokens.refresh_token)).body.error).toBe(
      "invalid_client",
    );
    expect(await introspectedBy(world, SECRET_KEY, tokens.access_token)).toEqual({ active: false });
    const again = await ask("GET", made);
    expect([again.status, again.body.error]).toEqual([401, "invalid_token"]);
  });

  test.each([
    ["another client_id", { client_id: "5ea0c70a-c11e-7000-8000-000000000001" }],
    ["no client_id", { client_id: undefined }],
    ["a secret of its choice", { client_secret: "chosen" }],
    ["a token of its choice", { registration_access_token: "chosen" }],
    ["an address of its choice", { registration_client_uri: "https://evil.example" }],
    ["times of its choice", { client_id_issued_at: 1 }],
    ["no secret any more", { token_endpoint_auth_method: "none" }],
    ["rights of its own", { grant_types: ["client_credentials"] }],
    ["an address of a script", { redirect_uris: ["javascript:alert(1)"] }],
    ["a sign-out to a script", { post_logout_redirect_uris: ["javascript:alert(1)"] }],
  ])("does not change to %s", async (_, changes) => {
    const made = await register();
    const body = { ...METADATA, client_id: made.client_id, ...changes };
    const { status } = await ask("PUT", made, body);
    expect(status).toBe(400);
    const { body: after } = await ask("GET", made);
    expect(after).toMatchObject({ ...METADATA, token_endpoint_auth_method: "client_secret_basic" });
  });
});

describe("nobody else", () => {
  test.each(["GET", "PUT", "DELETE"])(
    "%s: without the token, by another's or on another",
    async (method) => {
      const made = await register();
      const other = await register();
      const kept = await createClient(world);
      const tries: Registered[] = [
        { ...made, registration_access_token: other.registration_access_token },
        { ...made, registration_access_token: made.client_secret },
        { ...made, registration_access_token: SECRET_KEY },
        { ...made, registration_access_token: `${made.registration_access_token}A` },
        { ...made, client_id: kept.id },
        { ...made, client_id: "rubbish" },
        { ...made, client_id: "00000000-0000-0000-0000-000000000000" },
      ];
      for (const one of tries) {
        const body = method === "PUT" ? { ...METADATA, client_id: one.client_id } : undefined;
        const answer = await ask(method, one, body);
        expect([answer.status, answer.body.error]).toEqual([401, "invalid_token"]);
        expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
      }
      const nothing = await world.send(method, `${REGISTER}/${made.client_id}`, {
        ...(method === "PUT" ? { body: { ...METADATA, client_id: made.client_id } } : {}),
      });
      expect(nothing.status).toBe(401);
      expect((await ask("GET", made)).status).toBe(200);
    },
  );

  test("changes anything where registration is off, but one may leave", async () => {
    const made = await register();
    const settings = Value.Create(authConfig).oauth_server;
    Object.assign(world.state.config.oauth_server, { dynamic_registration: false });
    try {
      const body = { ...METADATA, client_id: made.client_id };
      const refused = await ask("PUT", made, body);
      expect(refused.status).toBe(403);
      expect((await ask("DELETE", made)).status).toBe(204);
    } finally {
      Object.assign(world.state.config.oauth_server, settings);
    }
  });

  test("gets far by guessing", async () => {
    const made = await register();
    world.refuse(1);
    expect((await ask("GET", made)).status).toBe(429);
  });
});
