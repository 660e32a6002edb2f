/** People in organisations, for the tests of orgs and API keys: who they are and what they may. */
import type { Credentials, Principal } from "../../src/core/ports/auth.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, type SignedIn, signUp } from "./auth-world.ts";

export interface Person extends SignedIn {
  readonly email: string;
}

let counter = 0;

export async function person(world: AuthWorld, name = "person"): Promise<Person> {
  counter += 1;
  const email = `${name}-${counter}@example.test`;
  return { ...(await signUp(world, email)), email };
}

/** The same person's access token as it would be issued now. */
export async function renewed(world: AuthWorld, who: Person): Promise<Person> {
  const { status, body } = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
    body: { refresh_token: who.refreshToken },
  });
  if (status !== 200) throw new Error(`refresh answered ${status}: ${JSON.stringify(body)}`);
  return { ...who, accessToken: body.access_token, refreshToken: body.refresh_token };
}

export interface Org {
  readonly id: string;
  readonly slug: string;
}

export async function makeOrg(world: AuthWorld, owner: Person, name = "Acme"): Promise<Org> {
  const { status, body } = await world.send("POST", "/auth/v1/orgs", {
    bearer: owner.accessToken,
    body: { name },
  });
  if (status !== 201) throw new Error(`org answered ${status}: ${JSON.stringify(body)}`);
  return { id: body.id, slug: body.slug };
}

/** Puts a person into the organisation, by the secret key. */
export async function join(world: AuthWorld, org: Org, who: Person, role = "member") {
  const { status, body } = await world.send("POST", `/auth/v1/orgs/${org.id}/members`, {
    bearer: world.project.secretKey,
    body: { user_id: who.userId, role },
  });
  if (status !== 201) throw new Error(`join answered ${status}: ${JSON.stringify(body)}`);
}

export async function principalOf(
  world: AuthWorld,
  credentials: Partial<Credentials>,
): Promise<Principal> {
  const all = { bearer: null, apikey: null, checksScopes: true, ...credentials };
  return world.state.client.authenticate(DEFAULT_TENANT, all);
}

// biome-ignore lint/suspicious/noExplicitAny: claims of every kind
export async function claimsOf(world: AuthWorld, credentials: Partial<Credentials>): Promise<any> {
  return JSON.parse((await principalOf(world, credentials)).claims);
}

/** The error's code when the credentials are refused, else "accepted". */
export async function refusal(world: AuthWorld, credentials: Partial<Credentials>) {
  try {
    await principalOf(world, credentials);
    return "accepted";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** What an SQL expression is worth to a request with these credentials. */
export async function ask(world: AuthWorld, credentials: Partial<Credentials>, expression: string) {
  const principal = await principalOf(world, credentials);
  const rows = await world.sql.begin(async (tx) => {
    await tx.unsafe(`set local role ${principal.role}`);
    await tx`select set_config('request.jwt.claims', ${principal.claims}, true)`;
    return tx.unsafe(`select ${expression} as value`);
  });
  return rows[0]?.["value"];
}
