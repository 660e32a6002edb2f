/** An app and a person before the OAuth server: what the tests of it begin with. */
import { createHash } from "node:crypto";
import type { AuthWorld, SignedIn } from "./auth-world.ts";

export const SECRET_KEY = "sb_secret_test";
export const CALLBACK = "https://app.example.test/callback";
/** 43 characters, as RFC 7636 §4.1 wants at least. */
export const VERIFIER = "correct-horse-battery-staple-correct-horse-battery";
export const challengeOf = (verifier: string) =>
  createHash("sha256").update(verifier).digest("base64url");

export interface TestClient {
  readonly id: string;
  readonly secret: string | null;
  readonly redirectUri: string;
}

// biome-ignore lint/suspicious/noExplicitAny: tests read into answers of many shapes
type Body = any;

/** Registered by itself; public unless `metadata` says otherwise. */
export async function register(world: AuthWorld, metadata: object = {}): Promise<TestClient> {
  const body = {
    client_name: "Test app",
    redirect_uris: [CALLBACK],
    token_endpoint_auth_method: "none",
    ...metadata,
  };
  const { status, body: answer } = await world.send("POST", "/auth/v1/oauth/clients/register", {
    body,
  });
  if (status !== 201) throw new Error(`registration answered ${JSON.stringify(answer)}`);
  return asClient(answer);
}

/** Registered by the operator. */
export async function createClient(world: AuthWorld, metadata: object = {}): Promise<TestClient> {
  const { status, body } = await world.send("POST", "/auth/v1/admin/oauth/clients", {
    body: { client_name: "Operator's app", redirect_uris: [CALLBACK], ...metadata },
    bearer: SECRET_KEY,
  });
  if (status !== 201) throw new Error(`creation answered ${JSON.stringify(body)}`);
  return asClient(body);
}

const asClient = (body: Body): TestClient => ({
  id: body.client_id,
  secret: body.client_secret ?? null,
  redirectUri: body.redirect_uris[0] ?? "",
});

/** Parameters of a good authorization request, with changes; undefined takes one out. */
export function authorizeQuery(
  client: TestClient,
  changes: Record<string, string | undefined> = {},
): string {
  const all = {
    client_id: client.id,
    redirect_uri: client.redirectUri,
    response_type: "code",
    scope: "openid email",
    state: "a-state",
    code_challenge: challengeOf(VERIFIER),
    code_challenge_method: "S256",
    ...changes,
  };
  const sent = Object.entries(all).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return new URLSearchParams(sent).toString();
}

export async function authorize(
  world: AuthWorld,
  client: TestClient,
  changes: Record<string, string | undefined> = {},
) {
  const path = `/auth/v1/oauth/authorize?${authorizeQuery(client, changes)}`;
  const answer = await world.send("GET", path);
  const location = answer.headers.get("location");
  return { ...answer, location: location === null ? null : new URL(location) };
}

/** The id of a request that waits for its person. */
export async function begin(
  world: AuthWorld,
  client: TestClient,
  changes: Record<string, string | undefined> = {},
): Promise<string> {
  const { status, location, body } = await authorize(world, client, changes);
  const id = location?.searchParams.get("authorization_id");
  if (status !== 302 || !id) {
    throw new Error(`authorize answered ${status} ${location?.href} ${JSON.stringify(body)}`);
  }
  return id;
}

export const describeRequest = (world: AuthWorld, person: SignedIn, id: string) =>
  world.send("GET", `/auth/v1/oauth/authorizations/${id}`, { bearer: person.accessToken });

export const decide = (
  world: AuthWorld,
  person: SignedIn,
  id: string,
  action: "approve" | "deny" = "approve",
) =>
  world.send("POST", `/auth/v1/oauth/authorizations/${id}/consent`, {
    body: { action },
    bearer: person.accessToken,
  });

/** The way back to the client after the person agreed, or had agreed before. */
export async function consent(
  world: AuthWorld,
  person: SignedIn,
  client: TestClient,
  changes: Record<string, string | undefined> = {},
): Promise<URL> {
  const id = await begin(world, client, changes);
  const described = await describeRequest(world, person, id);
  if (described.body.redirect_url) return new URL(described.body.redirect_url);
  const { status, body } = await decide(world, person, id);
  if (status !== 200) throw new Error(`consent answered ${JSON.stringify(body)}`);
  return new URL(body.redirect_url);
}

export async function codeFor(
  world: AuthWorld,
  person: SignedIn,
  client: TestClient,
  changes: Record<string, string | undefined> = {},
): Promise<string> {
  return (await consent(world, person, client, changes)).searchParams.get("code") ?? "";
}

/** Sends a form; a confidential client's secret goes by Basic. */
export function sendForm(
  world: AuthWorld,
  client: TestClient,
  path: string,
  fields: Record<string, string>,
) {
  const headers: Record<string, string> = { "content-type": "application/x-www-form-urlencoded" };
  const all: Record<string, string> = { ...fields };
  if (client.secret === null) all["client_id"] ??= client.id;
  else headers["authorization"] = `Basic ${btoa(`${client.id}:${client.secret}`)}`;
  const body = new URLSearchParams(all).toString();
  return world.send("POST", `/auth/v1/oauth/${path}`, { body, headers });
}

export const exchange = (
  world: AuthWorld,
  client: TestClient,
  code: string,
  changes: Record<string, string> = {},
) =>
  sendForm(world, client, "token", {
    grant_type: "authorization_code",
    code,
    redirect_uri: client.redirectUri,
    code_verifier: VERIFIER,
    ...changes,
  });

export const refreshFor = (
  world: AuthWorld,
  client: TestClient,
  token: string,
  changes: Record<string, string> = {},
) =>
  sendForm(world, client, "token", {
    grant_type: "refresh_token",
    refresh_token: token,
    ...changes,
  });

/** Tokens of a client for a person. */
export async function tokensFor(
  world: AuthWorld,
  person: SignedIn,
  client: TestClient,
  changes: Record<string, string | undefined> = {},
): Promise<Body> {
  const code = await codeFor(world, person, client, changes);
  const { status, body } = await exchange(world, client, code);
  if (status !== 200) throw new Error(`exchange answered ${JSON.stringify(body)}`);
  return body;
}

export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

/** What the server says of a token to the holder of the secret key. */
export async function introspectedBy(world: AuthWorld, bearer: string, token: string) {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams({ token }).toString();
  return (await world.send("POST", "/auth/v1/oauth/introspect", { body, headers, bearer })).body;
}
