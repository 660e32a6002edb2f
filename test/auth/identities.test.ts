/** The rule book of identities: who an identity of somebody else's making is here. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Caller } from "../../src/capabilities/auth/auth-state.ts";
import type { ExternalIdentity } from "../../src/capabilities/auth/identities/external-identity.ts";
import {
  admitIdentity,
  signInWithIdentity,
} from "../../src/capabilities/auth/identities/sign-in-identity.ts";
import { inTransaction } from "../../src/capabilities/auth/store.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "./auth-world.ts";

let world: AuthWorld;
let count = 0;
const fresh = () => `${++count}@example.test`;

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

const caller = (w = world): Caller => ({
  tenant: DEFAULT_TENANT,
  address: "127.0.0.1",
  userAgent: null,
  isService: false,
  log: w.log,
});

function identity(more: Partial<ExternalIdentity> = {}): ExternalIdentity {
  return {
    provider: "acme",
    providerId: `sub-${++count}`,
    email: null,
    emailVerified: false,
    emailOptional: false,
    claims: {},
    ...more,
  };
}

const verified = (email: string, more: Partial<ExternalIdentity> = {}) =>
  identity({ email, emailVerified: true, ...more });

async function enter(who: ExternalIdentity, w = world) {
  const admission = await admitIdentity(w.state, caller(w), who);
  return inTransaction(w.sql, (store, tx) =>
    signInWithIdentity(w.state, store, tx, caller(w), who, admission),
  );
}

const password = (email: string) =>
  world.send("POST", "/auth/v1/token?grant_type=password", { body: { email, password: PASSWORD } });

const userOf = async (id: string) => {
  const [row] = await world.sql`select * from auth.users where id = ${id}`;
  return row as Record<string, unknown>;
};

async function provenAccount(email: string): Promise<string> {
  const body = { email, password: PASSWORD, email_confirm: true };
  const { body: user } = await world.send("POST", "/auth/v1/admin/users", {
    body,
    bearer: "sb_secret_test",
  });
  return user.id;
}

describe("a new identity", () => {
  test("with a verified address makes an account with that address, confirmed", async () => {
    const email = fresh();
    const { user, outcome } = await enter(verified(email.toUpperCase()));
    expect([outcome, user.email, user.proven_email]).toEqual(["created", email, email]);
    expect(user.email_confirmed_at).not.toBeNull();
    expect(user.raw_app_meta_data).toEqual({ provider: "acme", providers: ["acme"] });
    expect(user.encrypted_password).toBeNull();
  });

  test("is the same person the next time, whatever its address is then", async () => {
    const who = verified(fresh());
    const first = await enter(who);
    const again = await enter({ ...who, email: fresh() });
    expect([again.outcome, again.user.id]).toEqual(["known", first.user.id]);
    expect(again.user.email).toBe(first.user.email);
  });

  test("joins the account that proved the same address, and keeps its password", async () => {
    const email = fresh();
    const id = await provenAccount(email);
    const { user, outcome } = await enter(verified(email, { claims: { name: "Ada" } }));
    expect([outcome, user.id]).toEqual(["linked", id]);
    expect(user.raw_app_meta_data?.["providers"]).toEqual(["email", "acme"]);
    expect(user.raw_user_meta_data?.["name"]).toBe("Ada");
    expect((await password(email)).status).toBe(200);
  });

  test("closes every way into an account that claimed the address without proof", async () => {
    const email = fresh();
    const eve = await signUp(world, email);
    const { user, outcome } = await enter(verified(email));
    expect([outcome, user.id, user.encrypted_password]).toEqual(["linked", eve.userId, null]);
    expect((await password(email)).body.code).toBe("invalid_credentials");
    const { status } = await world.send("GET", "/auth/v1/user", { bearer: eve.accessToken });
    expect(status).toBe(403);
    const refresh = { body: { refresh_token: eve.refreshToken } };
    const refreshed = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", refresh);
    expect(refreshed.body.code).toBe("refresh_token_not_found");
    const rows = await world.sql`
      select provider from auth.identities where user_id = ${eve.userId}`;
    expect(rows.map((row) => row["provider"])).toEqual(["acme"]);
    expect((await userOf(eve.userId))["proven_email"]).toBe(email);
  });

  test("closes factors, passkeys, codes, grants and keys of such an account as well", async () => {
    const email = fresh();
    const { userId } = await signUp(world, email);
    const ids = { id: crypto.randomUUID(), now: new Date(world.clock.now()) };
    await world.sql`
      insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
      values (${ids.id}, ${userId}, 'totp', 'verified', ${ids.now}, ${ids.now})`;
    await world.sql`
      insert into auth.webauthn_credentials (id, user_id, credential_id, public_key,
        attestation_type, aaguid, sign_count, backup_eligible, backed_up, created_at, updated_at)
      values (${ids.id}, ${userId}, 'x', 'x', 'none', ${ids.id}, 0, false, false, ${ids.now},
        ${ids.now})`;
    await world.sql`
      insert into auth.flow_state (id, user_id, auth_code_hash, code_challenge_method,
        code_challenge, provider_type, authentication_method, auth_code_issued_at)
      values (${ids.id}, ${userId}, sha256('code'), 's256', 'x', 'email', 'otp', ${ids.now})`;
    await world.sql`
      insert into auth.api_keys (id, kind, name, user_id, scopes, status, created_at, updated_at)
      values (${ids.id}, 'user', 'eve', ${userId}, '{}', 'active', ${ids.now}, ${ids.now})`;
    await enter(verified(email));
    const [left] = await world.sql`
      select (select count(*) from auth.mfa_factors where user_id = ${userId})
        + (select count(*) from auth.webauthn_credentials where user_id = ${userId})
        + (select count(*) from auth.flow_state where user_id = ${userId})
        + (select count(*) from auth.api_keys where user_id = ${userId} and status <> 'revoked')
        as ways`;
    expect(Number(left?.["ways"])).toBe(0);
  });

  test("never joins by an address that its provider did not verify", async () => {
    const email = fresh();
    await provenAccount(email);
    const unverified = identity({ email });
    await expect(enter(unverified)).rejects.toThrow("Unverified email with acme");
    const { user } = await enter({ ...unverified, emailOptional: true });
    expect(user.email).toBeNull();
  });

  test.each([null, "", "no address", "a@b@c", "x\u0000@example.test", `${"x".repeat(250)}@e.test`])(
    "with the address %p has none",
    async (email) => {
      const who = identity({ email, emailVerified: true, emailOptional: true });
      const { user } = await enter(who);
      expect([user.email, user.email_confirmed_at]).toEqual([null, null]);
    },
  );

  test("without an address is refused where one is needed", async () => {
    await expect(enter(identity())).rejects.toThrow("Error getting user email");
  });

  test("of two providers with the same id are two people", async () => {
    const a = await enter(verified(fresh(), { provider: "one", providerId: "same" }));
    const b = await enter(verified(fresh(), { provider: "two", providerId: "same" }));
    expect(a.user.id).not.toBe(b.user.id);
  });

  test("is not made while sign-ups are off, but those who are known enter", async () => {
    const closed = await openAuthWorld();
    const known = verified("known@example.test");
    await enter(known, closed);
    Object.assign(closed.state.config, { disable_signup: true });
    await expect(enter(verified("new@example.test"), closed)).rejects.toThrow(
      "Signups not allowed",
    );
    expect((await enter(known, closed)).outcome).toBe("known");
    await closed.close();
  });

  test("is made once by those who race", async () => {
    const who = verified(fresh());
    const done = await Promise.all([1, 2, 3, 4, 5].map(() => enter(who)));
    expect(new Set(done.map(({ user }) => user.id)).size).toBe(1);
    const email = fresh();
    const many = [1, 2, 3, 4].map((n) => enter(verified(email, { provider: `p${n}` })));
    expect(new Set((await Promise.all(many)).map(({ user }) => user.id)).size).toBe(1);
  });

  test("of somebody who is banned does not enter, and changes nothing", async () => {
    const email = fresh();
    const id = await provenAccount(email);
    await world.sql`update auth.users set banned_until = '2999-01-01' where id = ${id}`;
    await expect(enter(verified(email))).rejects.toThrow("User is banned");
    const rows = await world.sql`select from auth.identities where user_id = ${id}`;
    expect(rows).toHaveLength(1);
  });
});

describe("people of a SAML provider", () => {
  test("stay among themselves, whatever their address is", async () => {
    const email = fresh();
    const id = await provenAccount(email);
    const one = await enter(verified(email, { provider: "sso:1" }));
    const two = await enter(verified(email, { provider: "sso:2" }));
    const social = await enter(verified(email));
    expect(new Set([id, one.user.id, two.user.id]).size).toBe(3);
    expect(social.user.id).toBe(id);
    expect([one.user.is_sso_user, one.user.email]).toEqual([true, email]);
  });
});

describe("what a provider says of a person", () => {
  test("is kept as known claims of sane size only", async () => {
    const claims = {
      name: "Ada",
      role: "service_role",
      picture: "x".repeat(301),
      nickname: "\u0000",
      given_name: 7,
      groups: ["admin"],
      __proto__: { admin: true },
      full_name: "y".repeat(300),
      user_name: "z".repeat(300),
      preferred_username: "z".repeat(300),
      family_name: "z".repeat(300),
      website: "z".repeat(300),
      custom_claims: { hd: "example.test" },
    };
    const { user } = await enter(verified(fresh(), { claims }));
    const kept = user.raw_user_meta_data ?? {};
    expect(kept["name"]).toBe("Ada");
    expect(kept["custom_claims"]).toEqual({ hd: "example.test" });
    for (const name of ["role", "picture", "nickname", "given_name", "groups", "admin"]) {
      expect(name in kept).toBe(false);
    }
    expect(Buffer.byteLength(JSON.stringify(kept))).toBeLessThan(2400);
  });

  test("cannot say that somebody else's address or id is meant", async () => {
    const email = fresh();
    const claims = { email: "root@example.test", email_verified: true, sub: "root", phone: "1" };
    const who = verified(email, { claims });
    const { user } = await enter(who);
    expect(user.raw_user_meta_data).toMatchObject({ email, sub: who.providerId });
  });
});

test("joining and making accounts are told to the audit log and the feed", async () => {
  const email = fresh();
  const id = await provenAccount(email);
  await enter(verified(email));
  const actions = await world.sql`
    select payload ->> 'action' as action from auth.audit_log_entries
    where payload ->> 'actor_id' = ${id}`;
  expect(actions.map((row) => row["action"])).toContain("identity_linked");
  const { user } = await enter(verified(fresh()));
  const made = await world.sql`
    select payload -> 'traits' ->> 'provider' as provider from auth.audit_log_entries
    where payload ->> 'actor_id' = ${user.id} and payload ->> 'action' = 'user_signedup'`;
  expect(made.map((row) => row["provider"])).toEqual(["acme"]);
});
