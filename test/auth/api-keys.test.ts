/** API keys: as whom they act, how far, how long, and what those try who want more. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Sql } from "postgres";
import { hashSecret } from "../../src/capabilities/auth/api-keys/key-text.ts";
import { createKeyVerifier } from "../../src/capabilities/auth/api-keys/verify-api-key.ts";
import type { AuthConfig } from "../../src/capabilities/auth/config.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { until } from "../support/until.ts";
import { type AuthWorld, openAuthWorld } from "./auth-world.ts";
import {
  ask,
  claimsOf,
  join,
  makeOrg,
  type Person,
  person,
  principalOf,
  refusal,
} from "./org-world.ts";

// A busy machine takes its time to make a database.
setDefaultTimeout(60_000);

let world: AuthWorld;
beforeAll(async () => {
  world = await openAuthWorld({ access_token_ttl_s: 604_800 });
});
afterAll(() => world.close());

type Body = Record<string, unknown>;

const send = (who: Person | string, method: string, path: string, body?: unknown) =>
  world.send(method, `/auth/v1${path}`, {
    bearer: typeof who === "string" ? who : who.accessToken,
    ...(body === undefined ? {} : { body }),
  });
const code = async (answer: ReturnType<typeof send>) => {
  const { status, body } = await answer;
  return `${status} ${body?.code ?? ""}`.trim();
};
const READ = ["data:*:read"];

async function makeKey(who: Person | string, body: Body = {}) {
  const made = await send(who, "POST", "/api-keys", { name: "Key", scopes: READ, ...body });
  if (made.status !== 201) throw new Error(`key answered ${JSON.stringify(made.body)}`);
  return made.body as { id: string; key: string; status: string };
}

/** How a key fares, after everything that is kept for a while has been forgotten. */
async function fares(key: string) {
  await world.clock.advance(1000);
  try {
    await principalOf(world, { apikey: key });
    return "accepted";
  } catch (error) {
    const { code: name, details } = error as { code: string; details: string };
    return name === "bad_credential" ? details : name;
  }
}

const UNKNOWN = "The API key is not one of this project's";
const REVOKED = "The API key was revoked";
const EXPIRED = "The API key has expired";
const PENDING = "The API key waits for approval";
const OWNERLESS = "The owner of the API key is banned or gone";

async function company() {
  const [owner, admin, member] = await Promise.all([
    person(world, "owner"),
    person(world, "admin"),
    person(world, "member"),
  ]);
  const org = await makeOrg(world, owner);
  await join(world, org, admin, "admin");
  await join(world, org, member, "member");
  return { org, owner, admin, member };
}

const secretKey = () => world.project.secretKey;

describe("a key", () => {
  test("is shown once, and found by its prefix afterwards", async () => {
    const ada = await person(world);
    const made = await makeKey(ada, { name: "CI" });
    expect(made.key).toMatch(/^rk_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/);
    const { body } = await send(ada, "GET", "/api-keys");
    expect(body.api_keys).toMatchObject([
      { id: made.id, kind: "user", name: "CI", scopes: READ, status: "active" },
    ]);
    expect(made.key.startsWith(body.api_keys[0].prefix.replace("…", ""))).toBe(true);
    const secret = made.key.slice(36);
    expect(JSON.stringify(body)).not.toContain(secret);
    expect(JSON.stringify(world.log.lines)).not.toContain(secret);
    const tables = ["api_keys", "api_key_secrets", "audit_log_entries"].map((t) => `auth.${t}`);
    for (const table of [...tables, "reactor.events"]) {
      const rows = await world.sql.unsafe(`select t::text as text from ${table} t`);
      for (const row of rows) expect(row["text"]).not.toContain(secret);
    }
    const [kept] = await world.sql`
      select secret_hash from auth.api_key_secrets where key_id = ${made.id}`;
    expect(Buffer.from(kept?.["secret_hash"])).toEqual(Buffer.from(hashSecret(secret)));
  });

  test("is good in both headers, and in no other spelling", async () => {
    const ada = await person(world);
    const { key } = await makeKey(ada);
    expect(await refusal(world, { apikey: key })).toBe("accepted");
    expect(await refusal(world, { bearer: key })).toBe("accepted");
    const spellings = [
      ...Array.from({ length: key.length - 3 }, (_, n) => key.slice(0, 3 + n)),
      ...Array.from({ length: key.length - 3 }, (_, n) => {
        const at = 3 + n;
        const other = key[at] === "a" ? "b" : "a";
        return key[at] === "_"
          ? `${key.slice(0, at)}-${key.slice(at + 1)}`
          : key.slice(0, at) + other + key.slice(at + 1);
      }),
      `${key}A`,
      ` ${key}`,
      key.toUpperCase(),
      key.replace("rk_", "rk__"),
      `rk_${key.slice(3, 35)}_${"A".repeat(43)}`,
      `rk_${"0".repeat(32)}_${key.slice(36)}`,
      `${key.slice(0, -1)}=`,
    ];
    for (const text of spellings) {
      const outcome = await refusal(world, { apikey: text });
      // The last of 43 characters has two bits that mean nothing: another spelling, not another key.
      expect([text, outcome]).toEqual([text, "bad_credential"]);
    }
  });

  test("names its scopes, and must name some", async () => {
    const ada = await person(world);
    const make = (scopes: unknown) => code(send(ada, "POST", "/api-keys", { name: "x", scopes }));
    for (const bad of [undefined, null, [], "*", [""], ["data"], ["data:to*:read"], [["*"]], [1]]) {
      expect([bad, await make(bad)]).toEqual([bad, "400 validation_failed"]);
    }
    expect(await make(["*"])).toBe("201");
    for (const body of [
      { expires_at: "tomorrow" },
      { expires_at: "2020-01-01T00:00:00Z" },
      { expires_in: 0 },
      { expires_in: 1.5 },
      { rate_limit: -1 },
      { budget: { limit: 5 } },
      { budget: { limit: 5, period: "week" } },
      { kind: "root" },
      { name: "" },
    ]) {
      const answer = code(send(ada, "POST", "/api-keys", { name: "x", scopes: READ, ...body }));
      expect([body, await answer]).toEqual([body, "400 validation_failed"]);
    }
  });
});

describe("it acts", () => {
  test("as its person, in their organisation, within its scopes", async () => {
    const { org, owner } = await company();
    const { key, id } = await makeKey(owner, { scopes: ["data:todos:read"] });
    const principal = await principalOf(world, { apikey: key });
    expect(principal).toMatchObject({
      role: "authenticated",
      userId: owner.userId,
      scopes: ["data:todos:read"],
      keyId: id,
    });
    expect(JSON.parse(principal.claims)).toMatchObject({
      sub: owner.userId,
      email: owner.email,
      aal: "aal1",
      org_id: org.id,
      permissions: ["*"],
      scopes: ["data:todos:read"],
      key_kind: "user",
    });
    const asks = (sql: string) => ask(world, { apikey: key }, sql);
    expect(await asks("auth.uid()")).toBe(owner.userId);
    expect(await asks("auth.has_permission('data:todos:read')")).toBe(true);
    expect(await asks("auth.has_permission('data:notes:read')")).toBe(false);
    expect(await asks("auth.has_scope('data:todos:delete')")).toBe(false);
  });

  test("as an agent that is named beside its owner", async () => {
    const { owner } = await company();
    const { key, id } = await makeKey(owner, { kind: "agent", name: "Clerk" });
    expect(await claimsOf(world, { apikey: key })).toMatchObject({
      sub: owner.userId,
      act: { sub: `agent:${id}`, name: "Clerk" },
      key_kind: "agent",
    });
  });

  test("as an organisation, as nobody in it", async () => {
    const { org, admin } = await company();
    for (const kind of ["org", "service", "agent"]) {
      const { key } = await makeKey(admin, { kind, org: org.slug });
      const claims = await claimsOf(world, { apikey: key });
      expect(claims).toMatchObject({ role: "authenticated", org_id: org.id, permissions: READ });
      expect(claims).not.toHaveProperty("sub");
      expect(await ask(world, { apikey: key }, "auth.uid()")).toBeNull();
      expect(await ask(world, { apikey: key }, "auth.org_ids()")).toEqual([org.id]);
      expect(await refusal(world, { apikey: key, org: org.id })).toBe("accepted");
      expect(await refusal(world, { apikey: key, org: org.slug })).toBe("accepted");
    }
  });

  test("as a service of the project, which the secret key alone makes", async () => {
    const ada = await person(world);
    const body = { name: "Worker", kind: "service", scopes: ["data:jobs:read"] };
    expect(await code(send(ada, "POST", "/api-keys", body))).toBe("403 not_admin");
    const { key } = await makeKey(secretKey(), { ...body, role: "service_role" });
    expect(await principalOf(world, { apikey: key })).toMatchObject({
      role: "service_role",
      userId: null,
      scopes: ["data:jobs:read"],
    });
    expect(await ask(world, { apikey: key }, "auth.has_permission('data:jobs:read')")).toBe(true);
    expect(await ask(world, { apikey: key }, "auth.has_permission('data:x:read')")).toBe(false);
    for (const role of ["postgres", "authenticator", "pg_read_all_data", "Service", "x;y"]) {
      expect(await code(send(secretKey(), "POST", "/api-keys", { ...body, role }))).toBe(
        "400 validation_failed",
      );
    }
    expect(
      await code(send(ada, "POST", "/api-keys", { ...body, kind: "user", role: "service_role" })),
    ).toBe("403 not_admin");
  });

  test("nowhere that has not thought of scopes: not on its owner's account", async () => {
    const { org, owner } = await company();
    const keys = [
      (await makeKey(owner, { scopes: ["*"] })).key,
      (await makeKey(owner, { scopes: ["*"], kind: "org", org: org.id })).key,
      (await makeKey(secretKey(), { scopes: ["*"], kind: "service", role: "service_role" })).key,
    ];
    const routes: [string, string, unknown?][] = [
      ["GET", "/user"],
      ["PUT", "/user", { password: "a much better password" }],
      ["POST", "/logout"],
      ["GET", "/admin/users"],
      ["POST", "/admin/users", { email: "x@example.test" }],
      ["DELETE", `/admin/users/${owner.userId}`],
      ["GET", "/orgs"],
      ["POST", "/orgs", { name: "Mine" }],
      ["DELETE", `/orgs/${org.id}`],
      ["POST", `/orgs/${org.id}/members`, { user_id: owner.userId }],
      ["GET", "/api-keys"],
      ["POST", "/api-keys", { name: "More", scopes: ["*"] }],
      ["POST", "/invitations/accept", { token: `rin_${"a".repeat(43)}` }],
    ];
    for (const key of keys) {
      for (const [method, path, body] of routes) {
        const { status, body: told } = await send(key, method, path, body);
        expect([path, status, told.code]).toEqual([path, 403, "insufficient_scope"]);
      }
      expect((await send(key, "GET", "/permissions")).body.scopes).toEqual(["*"]);
    }
    const plain = await principalOf(world, { apikey: keys[0] ?? "", checksScopes: false }).catch(
      (error: { code: string }) => error.code,
    );
    expect(plain).toBe("insufficient_scope");
  });
});

describe("it ends, within a second, on a server that nobody told", () => {
  test("when it is revoked", async () => {
    const ada = await person(world);
    const { key, id } = await makeKey(ada);
    expect(await fares(key)).toBe("accepted");
    expect(await code(send(ada, "DELETE", `/api-keys/${id}`))).toBe("204");
    expect(await fares(key)).toBe(REVOKED);
    expect(await code(send(ada, "DELETE", `/api-keys/${id}`))).toBe("204");
    for (const [method, path, body] of [
      ["POST", "/rotate", {}],
      ["PATCH", "", { name: "Back" }],
    ] as const) {
      expect(await code(send(ada, method, `/api-keys/${id}${path}`, body))).toBe(
        "409 api_key_is_revoked",
      );
    }
    expect(await code(send(ada, "POST", `/api-keys/${id}/approve`))).toBe(
      "409 api_key_not_pending",
    );
    expect(await fares(key)).toBe(REVOKED);
  });

  test("when its time is over, to the millisecond", async () => {
    const ada = await person(world);
    const { key } = await makeKey(ada, { expires_in: 60 });
    await world.clock.advance(59_900);
    expect(await refusal(world, { apikey: key })).toBe("accepted");
    await world.clock.advance(100);
    expect(await refusal(world, { apikey: key })).toBe("bad_credential");
    expect(await fares(key)).toBe(EXPIRED);
  });

  test("when its owner is banned, emptied or removed", async () => {
    const people = await Promise.all([person(world), person(world), person(world)]);
    const keys = await Promise.all(people.map((who) => makeKey(who, { kind: "agent" })));
    const ids = people.map((who) => who.userId);
    for (const { key } of keys) expect(await fares(key)).toBe("accepted");
    await world.sql`update auth.users set banned_until = 'infinity' where id = ${ids[0] ?? ""}`;
    await send(secretKey(), "DELETE", `/admin/users/${ids[1]}`, { should_soft_delete: true });
    await send(secretKey(), "DELETE", `/admin/users/${ids[2]}`, {});
    expect(await fares(keys[0]?.key ?? "")).toBe(OWNERLESS);
    expect(await fares(keys[1]?.key ?? "")).toBe(REVOKED);
    expect(await fares(keys[2]?.key ?? "")).toBe(UNKNOWN);
    await world.sql`update auth.users set banned_until = null where id = ${ids[0] ?? ""}`;
    expect(await fares(keys[0]?.key ?? "")).toBe("accepted");
  });

  test("in an organisation that its person was removed from", async () => {
    const { org, owner, member } = await company();
    const { key } = await makeKey(member);
    const can = async () => {
      await world.clock.advance(1000);
      return ask(world, { apikey: key }, "auth.has_permission('data:todos:read')");
    };
    expect(await can()).toBe(true);
    expect(await code(send(owner, "DELETE", `/orgs/${org.id}/members/${member.userId}`))).toBe(
      "204",
    );
    expect(await can()).toBe(false);
    expect(await refusal(world, { apikey: key, org: org.id })).toBe("org_forbidden");
    const other = await company();
    expect(await refusal(world, { apikey: key, org: other.org.id })).toBe("org_forbidden");
  });

  test("with its organisation", async () => {
    const { org, owner } = await company();
    const { key } = await makeKey(owner, { kind: "org", org: org.id });
    expect(await fares(key)).toBe("accepted");
    await send(owner, "DELETE", `/orgs/${org.id}`);
    expect(await fares(key)).toBe(UNKNOWN);
  });

  test("with each other's organisation for good: the header changes nothing", async () => {
    const one = await company();
    const two = await company();
    const { key } = await makeKey(one.owner, { kind: "org", org: one.org.id });
    for (const org of [two.org.id, two.org.slug]) {
      expect(await refusal(world, { apikey: key, org })).toBe("org_forbidden");
    }
  });
});

describe("while the database is away", () => {
  test("a key is neither good nor bad, and nothing of that is kept", async () => {
    const ada = await person(world);
    const { key } = await makeKey(ada);
    let isAway = true;
    const gone = (() => Promise.reject(new Error("planted: no database"))) as unknown as Sql;
    const verifier = createKeyVerifier({
      clock: world.clock,
      sql: () => (isAway ? gone : world.sql),
      meter: { isMetered: () => false, take: async () => undefined, close: async () => undefined },
      usage: { touch: () => undefined, flush: async () => undefined },
      approvals: world.state.deps,
    });
    const outcome = async () => verifier.verify(DEFAULT_TENANT, key);
    expect(await outcome().catch((error: { code: string }) => error.code)).toBe("unavailable");
    isAway = false;
    expect(await outcome()).toMatchObject({ userId: ada.userId });
  });
});

describe("rotating", () => {
  test("lets the old secret go on for a while, and the new one at once", async () => {
    const ada = await person(world);
    const { key, id } = await makeKey(ada);
    const next = (await send(ada, "POST", `/api-keys/${id}/rotate`, { overlap_s: 60 })).body;
    expect(next.id).toBe(id);
    expect(next.key).not.toBe(key);
    expect(await fares(key)).toBe("accepted");
    expect(await fares(next.key)).toBe("accepted");
    await world.clock.advance(60_000);
    expect(await fares(key)).toBe(EXPIRED);
    expect(await fares(next.key)).toBe("accepted");
    const last = (await send(ada, "POST", `/api-keys/${id}/rotate`, { overlap_s: 0 })).body;
    expect(await fares(next.key)).toBe(UNKNOWN);
    expect(await fares(last.key)).toBe("accepted");
    expect(await fares(key)).toBe(UNKNOWN);
  });

  test("never lengthens the life of an old secret", async () => {
    const ada = await person(world);
    const { key, id } = await makeKey(ada);
    await send(ada, "POST", `/api-keys/${id}/rotate`, { overlap_s: 60 });
    await send(ada, "POST", `/api-keys/${id}/rotate`, { overlap_s: 86_400 });
    await world.clock.advance(61_000);
    expect(await fares(key)).toBe(EXPIRED);
    expect(await code(send(ada, "POST", `/api-keys/${id}/rotate`, { overlap_s: -1 }))).toBe(
      "400 validation_failed",
    );
  });
});

test("of many rotations the newest ten secrets are good", async () => {
  const ada = await person(world);
  const { key, id } = await makeKey(ada);
  const made = [key];
  for (let time = 0; time < 11; time += 1) {
    await world.clock.advance(1);
    const { body } = await send(ada, "POST", `/api-keys/${id}/rotate`, { overlap_s: 86_400 });
    made.push(body.key);
  }
  expect(await fares(made[1] ?? "")).toBe(UNKNOWN);
  expect(await fares(made[2] ?? "")).toBe("accepted");
  expect(await fares(made[11] ?? "")).toBe("accepted");
});

describe("nobody gains by a key", () => {
  test("what their role in the organisation does not allow", async () => {
    const { org, owner, admin, member } = await company();
    const make = (who: Person, scopes: string[]) =>
      code(send(who, "POST", "/api-keys", { name: "x", kind: "org", org: org.id, scopes }));
    expect(await make(member, READ)).toBe("403 org_permission_denied");
    for (const scopes of [["*"], ["*:*:*"], ["auth:org:delete"], ["data:x:read", "*:x:read"]]) {
      expect([scopes, await make(admin, scopes)]).toEqual([scopes, "403 org_escalation"]);
    }
    expect(await make(admin, ["data:*:*"])).toBe("201");
    const big = await makeKey(owner, { kind: "agent", org: org.id, scopes: ["*"] });
    const path = `/api-keys/${big.id}`;
    // An admin may see it and end it, but not read, approve or reshape what is more than theirs.
    expect(await code(send(admin, "GET", path))).toBe("200");
    expect(await code(send(admin, "POST", `${path}/rotate`, {}))).toBe("403 org_escalation");
    expect(await code(send(admin, "PATCH", path, { scopes: READ }))).toBe("403 org_escalation");
    expect(await code(send(admin, "PATCH", path, { expires_at: null }))).toBe("403 org_escalation");
    expect(await code(send(admin, "PATCH", path, { name: "Seen" }))).toBe("200");
    expect(await code(send(admin, "DELETE", path))).toBe("204");
    const small = await makeKey(admin, { kind: "org", org: org.id });
    expect(await code(send(admin, "PATCH", `/api-keys/${small.id}`, { scopes: ["*"] }))).toBe(
      "403 org_escalation",
    );
  });

  test("what is another's", async () => {
    const one = await company();
    const two = await company();
    const mine = await makeKey(one.owner);
    const ours = await makeKey(one.owner, { kind: "org", org: one.org.id });
    for (const id of [mine.id, ours.id]) {
      for (const [method, path, body] of [
        ["GET", ""],
        ["PATCH", "", { name: "Mine" }],
        ["DELETE", ""],
        ["POST", "/rotate", {}],
        ["POST", "/approve"],
      ] as const) {
        const answer = code(send(two.owner, method, `/api-keys/${id}${path}`, body));
        expect([method, path, await answer]).toEqual([method, path, "404 api_key_not_found"]);
      }
    }
    // Not even within the organisation.
    expect(await code(send(one.admin, "GET", `/api-keys/${mine.id}`))).toBe(
      "404 api_key_not_found",
    );
    expect(await code(send(one.member, "GET", `/api-keys/${ours.id}`))).toBe(
      "404 api_key_not_found",
    );
    expect(await code(send(two.owner, "GET", `/api-keys?org=${one.org.id}`))).toBe(
      "404 org_not_found",
    );
    const forOther = { name: "x", scopes: READ, user_id: one.owner.userId };
    expect(await code(send(two.owner, "POST", "/api-keys", forOther))).toBe("403 not_admin");
    const inOther = { name: "x", scopes: READ, kind: "org", org: one.org.id };
    expect(await code(send(two.owner, "POST", "/api-keys", inOther))).toBe("404 org_not_found");
    expect(await fares(mine.key)).toBe("accepted");
  });
});

describe("support that acts as a person", () => {
  test("sees organisations and keys, and leaves itself no way back", async () => {
    const { org, owner } = await company();
    const { id } = await makeKey(owner);
    const acting = await send(secretKey(), "POST", `/admin/users/${owner.userId}/impersonate`, {
      actor: "support",
      reason: "ticket 7",
    });
    const token = acting.body.access_token as string;
    expect(await code(send(token, "GET", "/orgs"))).toBe("200");
    expect(await code(send(token, "GET", "/api-keys"))).toBe("200");
    const kept: [string, string, unknown?][] = [
      ["POST", "/api-keys", { name: "x", scopes: ["*"] }],
      ["POST", `/api-keys/${id}/rotate`, {}],
      ["POST", `/orgs/${org.id}/invitations`, { role: "owner" }],
      ["POST", "/orgs", { name: "Mine" }],
      ["DELETE", `/orgs/${org.id}`],
    ];
    for (const [method, path, body] of kept) {
      const { status, body: told } = await send(token, method, path, body);
      expect([path, status, told.code]).toEqual([path, 403, "impersonation_not_allowed"]);
    }
  });
});

describe("approval", () => {
  test("lets a key in, and more scopes ask for it again", async () => {
    const { org, owner, admin, member } = await company();
    const made = await makeKey(admin, { kind: "agent", org: org.id, requires_approval: true });
    expect(made.status).toBe("pending");
    expect(await fares(made.key)).toBe(PENDING);
    const approve = (who: Person) => code(send(who, "POST", `/api-keys/${made.id}/approve`));
    expect(await approve(member)).toBe("404 api_key_not_found");
    expect(await approve(owner)).toBe("200");
    expect(await approve(owner)).toBe("409 api_key_not_pending");
    expect(await fares(made.key)).toBe("accepted");
    const grow = (scopes: string[]) => send(admin, "PATCH", `/api-keys/${made.id}`, { scopes });
    expect((await grow(["data:todos:read"])).body.status).toBe("active");
    expect((await grow(["data:todos:read", "data:todos:write"])).body.status).toBe("pending");
    expect(await fares(made.key)).toBe(PENDING);
  });

  test("is asked for again by a longer life and wider limits, and by nothing less", async () => {
    const ada = await person(world);
    const made = await makeKey(ada, {
      ...{ kind: "agent", requires_approval: true, expires_in: 3600, rate_limit: 10 },
      budget: { limit: 100, period: "day" },
    });
    const path = `/api-keys/${made.id}`;
    const changed = async (body: Body) => {
      await send(ada, "POST", `${path}/approve`);
      return (await send(ada, "PATCH", path, body)).body.status;
    };
    for (const body of [
      { name: "Tighter", expires_in: 60, rate_limit: 5, budget: { limit: 50, period: "day" } },
      { scopes: READ },
    ]) {
      expect([body, await changed(body)]).toEqual([body, "active"]);
    }
    for (const body of [
      { expires_in: 600 },
      { expires_at: null },
      { rate_limit: 6 },
      { rate_limit: null },
      { budget: { limit: 51, period: "day" } },
      { budget: { limit: 1, period: "total" } },
      { budget: null },
    ]) {
      expect([body, await changed(body)]).toEqual([body, "pending"]);
    }
  });

  test("can be asked of every agent", async () => {
    const strict = await openAuthWorld({ api_keys_agent_approval: true });
    try {
      const ada = await person(strict);
      const made = await strict.send("POST", "/auth/v1/api-keys", {
        bearer: ada.accessToken,
        body: { name: "Agent", kind: "agent", scopes: READ, requires_approval: false },
      });
      expect(made.body).toMatchObject({ status: "pending", requires_approval: true });
      expect(await refusal(strict, { apikey: made.body.key })).toBe("bad_credential");
    } finally {
      await strict.close();
    }
  });
});

describe("limits", () => {
  const open = async (config: Partial<AuthConfig>, body: Body) => {
    const own = await openAuthWorld({ access_token_ttl_s: 604_800, ...config });
    const ada = await person(own);
    const made = await own.send("POST", "/auth/v1/api-keys", {
      bearer: ada.accessToken,
      body: { name: "Agent", kind: "agent", scopes: READ, ...body },
    });
    const use = async (times: number) => {
      const outcomes: string[] = [];
      for (let n = 0; n < times; n += 1) {
        outcomes.push(await refusal(own, { apikey: made.body.key }));
      }
      return outcomes.filter((one) => one === "accepted").length;
    };
    return { own, use, id: made.body.id as string, key: made.body.key as string, ada };
  };

  test("a budget is spent to the last request, by many at once too, and begins again", async () => {
    const { own, use, key, id, ada } = await open({}, { budget: { limit: 250, period: "day" } });
    try {
      expect(await use(200)).toBe(200);
      const rest = await Promise.all(
        Array.from({ length: 100 }, () => refusal(own, { apikey: key })),
      );
      expect(rest.filter((one) => one === "accepted")).toHaveLength(50);
      expect(new Set(rest)).toEqual(new Set(["accepted", "api_key_budget_spent"]));
      const shown = await own.send("GET", `/auth/v1/api-keys/${id}`, { bearer: ada.accessToken });
      expect(shown.body).toMatchObject({
        budget: { limit: 250, period: "day" },
        budget_drawn: 250,
      });
      await own.clock.advance(24 * 3_600_000);
      expect(await use(1)).toBe(1);
    } finally {
      await own.close();
    }
  });

  test("what a server drew and did not spend is given back", async () => {
    const { own, use, id } = await open({}, { budget: { limit: 1000, period: "total" } });
    expect(await use(1)).toBe(1);
    const drawn = async () =>
      Number(
        (await own.sql`select drawn from auth.api_key_budgets where key_id = ${id}`)[0]?.["drawn"],
      );
    expect(await drawn()).toBe(10);
    await own.parts.close();
    expect(await drawn()).toBe(1);
    await own.close();
  });

  test("each key has a rate of its own, in portions", async () => {
    const { own, use, id } = await open({}, { rate_limit: 600 });
    try {
      const asked = () => own.limited.filter(({ key }) => key === `auth:api_key:${id}`);
      expect(await use(10)).toBe(10);
      expect(asked()).toHaveLength(1);
      expect(await use(1)).toBe(1);
      expect(asked()).toHaveLength(2);
      await own.clock.advance(1000);
      own.refuse(1);
      expect(await use(1)).toBe(0);
    } finally {
      await own.close();
    }
  });

  test("keys without one have the server's, if there is any", async () => {
    const { own, use, id } = await open({ rate_limit_api_key: 30 }, {});
    try {
      await use(3);
      const asked = own.limited.filter(({ key }) => key === `auth:api_key:${id}`);
      expect(asked.map((one) => one.limit)).toEqual([30, 30, 30]);
    } finally {
      await own.close();
    }
  });

  test("no key is accepted where keys are switched off", async () => {
    const { own, key } = await open({}, {});
    const off = await openAuthWorld({ api_keys: false });
    try {
      expect(await refusal(own, { apikey: key })).toBe("accepted");
      expect(await refusal(off, { apikey: key })).toBe("bad_credential");
      const ada = await person(off);
      const made = await off.send("GET", "/auth/v1/api-keys", { bearer: ada.accessToken });
      expect(made.status).toBe(403);
    } finally {
      await own.close();
      await off.close();
    }
  });
});

describe("the last use", () => {
  test("is written for many keys at once, and never goes back", async () => {
    const ada = await person(world);
    const keys = await Promise.all([makeKey(ada), makeKey(ada)]);
    for (const { key } of keys) expect(await fares(key)).toBe("accepted");
    await world.parts.services[0]?.start();
    await world.clock.advance(10_000);
    const used = async () =>
      (await send(ada, "GET", "/api-keys")).body.api_keys.map(
        (one: { last_used_at: string }) => one.last_used_at,
      );
    await until("both uses are written", async () => !(await used()).includes(null));
    await world.parts.services[0]?.stop(1000);
  });
});

describe("a second factor", () => {
  test("is asked for before a key is made, approved, changed or rotated", async () => {
    const ada = await person(world);
    const { id } = await makeKey(ada);
    const factor = crypto.randomUUID();
    await world.sql`
      insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
      values (${factor}, ${ada.userId}, 'totp', 'verified', now(), now())`;
    for (const [method, path, body] of [
      ["POST", "", { name: "x", scopes: READ }],
      ["PATCH", `/${id}`, { scopes: ["*"] }],
      ["POST", `/${id}/rotate`, {}],
      ["POST", `/${id}/approve`],
    ] as const) {
      const answer = code(send(ada, method, `/api-keys${path}`, body));
      expect([method, path, await answer]).toEqual([method, path, "401 insufficient_aal"]);
    }
    // Ending one is never made hard.
    expect(await code(send(ada, "DELETE", `/api-keys/${id}`))).toBe("204");
  });
});
