/** Organisations: who belongs where, who may do what, and how those who may not try to. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { decodeJwt } from "jose";
import { authConfig } from "../../src/capabilities/auth/config.ts";
import { covers } from "../../src/core/permissions.ts";
import { type AuthWorld, openAuthWorld } from "./auth-world.ts";
import { untilWaiting } from "./lock-waits.ts";
import {
  ask,
  claimsOf,
  join,
  makeOrg,
  type Org,
  type Person,
  person,
  refusal,
  renewed,
} from "./org-world.ts";

// A busy machine takes its time to make a database.
setDefaultTimeout(60_000);

let world: AuthWorld;
beforeAll(async () => {
  world = await openAuthWorld({ orgs_per_user_max: 3 });
});
afterAll(() => world.close());

const send = (who: Person | null, method: string, path: string, body?: unknown) =>
  world.send(method, `/auth/v1${path}`, {
    ...(who ? { bearer: who.accessToken } : {}),
    ...(body === undefined ? {} : { body }),
  });
const code = async (answer: ReturnType<typeof send>) => {
  const { status, body } = await answer;
  return `${status} ${body?.code ?? ""}`.trim();
};
const setRole = (who: Person, org: Org, target: Person, role: string) =>
  send(who, "PUT", `/orgs/${org.id}/members/${target.userId}/role`, { role });
const remove = (who: Person, org: Org, target: Person) =>
  send(who, "DELETE", `/orgs/${org.id}/members/${target.userId}`);

/** An organisation with one of each built-in role, and somebody outside. */
async function company() {
  const [owner, admin, member, stranger] = await Promise.all([
    person(world, "owner"),
    person(world, "admin"),
    person(world, "member"),
    person(world, "stranger"),
  ]);
  const org = await makeOrg(world, owner);
  await join(world, org, admin, "admin");
  await join(world, org, member, "member");
  return { org, owner, admin, member, stranger };
}

describe("an organisation", () => {
  test("belongs to who makes it, and stands in their next token", async () => {
    const ada = await person(world);
    const made = await send(ada, "POST", "/orgs", { name: "  Ada & Söhne ", slug: "ada-co" });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: "Ada & Söhne", slug: "ada-co", metadata: {} });
    const claims = decodeJwt((await renewed(world, ada)).accessToken);
    expect(claims).toMatchObject({
      org_id: made.body.id,
      org_slug: "ada-co",
      org_role: "owner",
      permissions: ["*"],
      default_org: made.body.id,
      orgs: [made.body.id],
    });
    const { body } = await send(ada, "GET", "/orgs");
    expect(body.orgs).toMatchObject([{ slug: "ada-co", role: "owner", is_default: true }]);
    const bySlug = await send(ada, "GET", "/orgs/ADA-CO");
    expect(bySlug.body).toMatchObject({ id: made.body.id, role: "owner", permissions: ["*"] });
  });

  test("is changed and removed by who may, and by nobody else", async () => {
    const { org, owner, admin, member, stranger } = await company();
    const path = `/orgs/${org.id}`;
    expect(await code(send(stranger, "GET", path))).toBe("404 org_not_found");
    expect(await code(send(stranger, "PATCH", path, { name: "Mine" }))).toBe("404 org_not_found");
    expect(await code(send(null, "GET", path))).toBe("401 no_authorization");
    for (const who of [admin, member]) {
      expect(await code(send(who, "PATCH", path, { name: "Mine" }))).toBe(
        "403 org_permission_denied",
      );
      expect(await code(send(who, "DELETE", path))).toBe("403 org_permission_denied");
    }
    const renamed = await send(owner, "PATCH", path, { name: "New", metadata: { plan: "pro" } });
    expect(renamed.body).toMatchObject({ name: "New", slug: org.slug, metadata: { plan: "pro" } });
    expect(await code(send(owner, "DELETE", path))).toBe("204");
    expect(await code(send(owner, "GET", path))).toBe("404 org_not_found");
    expect(await code(send(member, "GET", path))).toBe("404 org_not_found");
  });

  test("has a slug that is free, and is never taken for an id", async () => {
    const { owner, org } = await company();
    const make = (slug: string) => code(send(owner, "POST", "/orgs", { name: "x", slug }));
    expect(await make(org.slug)).toBe("422 org_slug_taken");
    for (const slug of [org.id, "UPPER", "-a", "a-", "a b", "a/b", "ä", "a".repeat(49)]) {
      expect([slug, await make(slug)]).toEqual([slug, "400 validation_failed"]);
    }
    for (const name of ["", " ", "x".repeat(101), "a\nb", 5]) {
      expect(await code(send(owner, "POST", "/orgs", { name }))).toBe("400 validation_failed");
    }
  });

  test("is not made without end, nor twice for one Idempotency-Key", async () => {
    const maker = await person(world);
    const headers = { "idempotency-key": "once" };
    const once = () =>
      world.send("POST", "/auth/v1/orgs", {
        bearer: maker.accessToken,
        body: { name: "Once" },
        headers,
      });
    expect((await once()).body.id).toBe((await once()).body.id);
    const many = await Promise.all(
      Array.from({ length: 6 }, () => code(send(maker, "POST", "/orgs", { name: "Many" }))),
    );
    expect(many.filter((one) => one === "201")).toHaveLength(2);
    expect(new Set(many)).toEqual(new Set(["201", "422 org_limit_reached"]));
  });

  test("can be what administrators alone make", async () => {
    const closed = await openAuthWorld({ orgs_self_service: false });
    try {
      const ada = await person(closed);
      const body = { name: "Acme" };
      const own = await closed.send("POST", "/auth/v1/orgs", { bearer: ada.accessToken, body });
      expect(own.body.code).toBe("orgs_disabled");
      const bearer = closed.project.secretKey;
      const made = await closed.send("POST", "/auth/v1/orgs", {
        bearer,
        body: { ...body, owner_id: ada.userId },
      });
      expect(made.status).toBe(201);
      const all = await closed.send("GET", "/auth/v1/orgs?limit=1", { bearer });
      expect(all.body).toMatchObject({ orgs: [{ id: made.body.id }], next: made.body.slug });
    } finally {
      await closed.close();
    }
  });
});

describe("members", () => {
  test("see one another, in pages", async () => {
    const { org, owner, admin, member, stranger } = await company();
    const first = await send(member, "GET", `/orgs/${org.slug}/members?limit=2`);
    const rest = await send(member, "GET", `/orgs/${org.slug}/members?after=${first.body.next}`);
    const all = [...first.body.members, ...rest.body.members];
    const one = await send(member, "GET", `/orgs/${org.slug}/members/${admin.userId}`);
    expect(one.body).toMatchObject({ user_id: admin.userId, email: admin.email, role: "admin" });
    expect(await code(send(member, "GET", `/orgs/${org.id}/members/${stranger.userId}`))).toBe(
      "404 org_member_not_found",
    );
    expect(all.map((one) => one.user_id).sort()).toEqual(
      [owner, admin, member].map((one) => one.userId).sort(),
    );
    expect(rest.body.next).toBeNull();
    expect(await code(send(stranger, "GET", `/orgs/${org.id}/members`))).toBe("404 org_not_found");
    expect(await code(send(member, "GET", `/orgs/${org.id}/members?after=x'--`))).toBe(
      "400 validation_failed",
    );
  });

  test("are put into an organisation by the secret key alone", async () => {
    const { org, owner, stranger } = await company();
    const body = { user_id: stranger.userId };
    expect(await code(send(owner, "POST", `/orgs/${org.id}/members`, body))).toBe("403 not_admin");
    await join(world, org, stranger);
    await expect(join(world, org, stranger)).rejects.toThrow("org_member_exists");
  });

  test("leave, and are removed by who may", async () => {
    const { org, owner, admin, member } = await company();
    expect(await code(remove(member, org, admin))).toBe("403 org_permission_denied");
    expect(await code(remove(admin, org, member))).toBe("204");
    expect(await code(remove(admin, org, member))).toBe("404 org_member_not_found");
    expect(await code(remove(admin, org, admin))).toBe("204");
    expect(await code(send(admin, "GET", `/orgs/${org.id}`))).toBe("404 org_not_found");
    expect(await code(remove(owner, org, owner))).toBe("409 last_owner");
  });

  test("of an account that is removed or emptied are members no more", async () => {
    const { org, owner, admin, member } = await company();
    const admins = (id: string, body: object) =>
      world.send("DELETE", `/auth/v1/admin/users/${id}`, {
        bearer: world.project.secretKey,
        body,
      });
    expect((await admins(admin.userId, {})).status).toBe(200);
    expect((await admins(member.userId, { should_soft_delete: true })).status).toBe(200);
    const { body } = await send(owner, "GET", `/orgs/${org.id}/members`);
    expect(body.members.map((one: { user_id: string }) => one.user_id)).toEqual([owner.userId]);
    expect(await refusal(world, { bearer: member.accessToken, org: org.id })).toBe("org_forbidden");
  });
});

describe("an owner", () => {
  test("can be many, and is never none", async () => {
    const { org, owner, admin } = await company();
    expect(await code(setRole(owner, org, owner, "member"))).toBe("409 last_owner");
    expect(await code(setRole(owner, org, admin, "owner"))).toBe("200");
    expect(await code(setRole(owner, org, owner, "member"))).toBe("200");
    expect(await code(remove(admin, org, admin))).toBe("409 last_owner");
  });

  test("remains when two owners leave at the same moment", async () => {
    for (let round = 0; round < 5; round += 1) {
      const { org, owner, admin } = await company();
      await setRole(owner, org, admin, "owner");
      const both = await Promise.all([
        code(remove(owner, org, owner)),
        code(setRole(admin, org, admin, "member")),
      ]);
      expect(both.filter((one) => one.startsWith("20"))).toHaveLength(1);
      const rows = await world.sql`
        select 1 from auth.memberships where org_id = ${org.id} and role = 'owner'`;
      expect(rows).toHaveLength(1);
    }
  });
});

describe("an owner whose account goes", () => {
  const secret = (method: string, path: string, body: object = {}) =>
    code(world.send(method, `/auth/v1${path}`, { bearer: world.project.secretKey, body }));
  const ways: readonly (readonly [string, (who: Person) => Promise<string>])[] = [
    ["removed", (who) => secret("DELETE", `/admin/users/${who.userId}`)],
    [
      "emptied",
      (who) => secret("DELETE", `/admin/users/${who.userId}`, { should_soft_delete: true }),
    ],
    ["erased", (who) => secret("POST", `/admin/users/${who.userId}/erase`)],
  ];
  const ownersOf = async ({ id }: Org) =>
    (
      await world.sql`
        select user_id from auth.memberships m join auth.users u on u.id = m.user_id
        where org_id = ${id} and m.role = 'owner' and deleted_at is null`
    ).map((row) => row["user_id"]);

  /** Both run as far as the organisation, which is let go when they wait for it. */
  async function atOnce(org: Org, works: readonly (() => Promise<string>)[]): Promise<string[]> {
    const { running } = await world.sql.begin(async (tx) => {
      await tx`select 1 from auth.orgs where id = ${org.id} for update`;
      const begun = works.map((work) => work());
      await untilWaiting(world, works.length);
      return { running: begun };
    });
    return Promise.all(running);
  }

  test("stays while others would be left without one, and is told where", async () => {
    for (const [how, go] of ways) {
      const { org, owner, admin } = await company();
      expect([how, await go(owner)]).toEqual([how, "409 last_owner"]);
      expect((await send(owner, "GET", `/orgs/${org.id}`)).status).toBe(200);
      await setRole(owner, org, admin, "owner");
      expect([how, await go(owner)]).toEqual([how, "200"]);
      expect(await ownersOf(org)).toEqual([admin.userId]);
    }
    const { org, owner, admin } = await company();
    const told = await world.send("POST", `/auth/v1/admin/users/${owner.userId}/erase`, {
      bearer: world.project.secretKey,
      body: { dry_run: true },
    });
    expect([told.status, told.body.details]).toEqual([409, `The only owner of ${org.slug}`]);
    const merge = { from: owner.userId };
    expect(await secret("POST", `/admin/users/${admin.userId}/merge`, merge)).toBe("200");
    expect(await ownersOf(org)).toEqual([admin.userId]);
    const alone = await person(world);
    await makeOrg(world, alone, "Alone");
    expect(await secret("POST", `/admin/users/${alone.userId}/erase`)).toBe("200");
  });

  test("is one of two who go at the same moment, however they do", async () => {
    for (const [how, go] of ways) {
      const leave = (who: Person, org: Org) => code(remove(who, org, who));
      const demote = (who: Person, org: Org) => code(setRole(who, org, who, "member"));
      for (const other of [go, leave, demote]) {
        const { org, owner, admin } = await company();
        await setRole(owner, org, admin, "owner");
        const codes = await atOnce(org, [() => other(owner, org), () => go(admin)]);
        const refused = codes.filter((one) => one === "409 last_owner");
        expect([how, refused]).toEqual([how, ["409 last_owner"]]);
        expect(await ownersOf(org)).toHaveLength(1);
      }
    }
  });
});

describe("nobody gains more than they have", () => {
  test("by giving a role to others or to themselves", async () => {
    const { org, owner, admin, member } = await company();
    expect(await code(setRole(admin, org, admin, "owner"))).toBe("403 org_escalation");
    expect(await code(setRole(admin, org, member, "owner"))).toBe("403 org_escalation");
    expect(await code(setRole(member, org, member, "admin"))).toBe("403 org_permission_denied");
    expect(await code(setRole(admin, org, owner, "member"))).toBe("403 org_escalation");
    expect(await code(remove(admin, org, owner))).toBe("403 org_escalation");
    expect(await code(setRole(admin, org, member, "nothing"))).toBe("422 org_role_not_found");
    expect(await code(setRole(admin, org, member, "admin"))).toBe("200");
  });

  test("by writing a role", async () => {
    const { org, owner, admin, member } = await company();
    const put = (who: Person, name: string, permissions: unknown) =>
      code(send(who, "PUT", `/orgs/${org.id}/roles/${name}`, { permissions }));
    expect(await put(member, "boss", ["data:x:read"])).toBe("403 org_permission_denied");
    for (const more of [["*"], ["*:*:*"], ["auth:*:*"], ["*:members:*"], ["auth:org:delete"]]) {
      expect([more, await put(admin, "boss", more)]).toEqual([more, "403 org_escalation"]);
    }
    for (const bad of [["data"], ["data:*"], ["data:to*:read"], "*", [5], [["*"]], null]) {
      expect([bad, await put(owner, "boss", bad)]).toEqual([bad, "400 validation_failed"]);
    }
    expect(await put(admin, "editor", ["data:*:write"])).toBe("200");
    expect(await put(owner, "owner", ["data:x:read"])).toBe("422 org_role_built_in");
    const make = (name: string) =>
      code(send(admin, "POST", `/orgs/${org.id}/roles`, { name, permissions: ["data:x:read"] }));
    expect(await make("reader")).toBe("201");
    expect(await make("reader")).toBe("422 org_role_exists");
    expect(await make("owner")).toBe("422 org_role_built_in");
    expect(await put(owner, "boss", ["*"])).toBe("200");
    // What is more than theirs is not theirs to take away either.
    expect(await put(admin, "boss", ["data:x:read"])).toBe("403 org_escalation");
    expect(await code(send(admin, "DELETE", `/orgs/${org.id}/roles/boss`))).toBe(
      "403 org_escalation",
    );
    expect(await code(setRole(admin, org, member, "boss"))).toBe("403 org_escalation");
  });

  test("by an invitation", async () => {
    const { org, owner, admin, member } = await company();
    const invite = (who: Person, role: string) =>
      send(who, "POST", `/orgs/${org.id}/invitations`, { role });
    expect(await code(invite(admin, "owner"))).toBe("403 org_escalation");
    expect(await code(invite(member, "member"))).toBe("403 org_permission_denied");
    const left = await invite(admin, "admin");
    expect(left.status).toBe(201);
    // A way back in that somebody left open is closed behind them.
    expect(await code(remove(owner, org, admin))).toBe("204");
    const back = send(admin, "POST", "/invitations/accept", { token: left.body.token });
    expect(await code(back)).toBe("404 invitation_not_found");
  });

  test("in another organisation", async () => {
    const one = await company();
    const two = await company();
    const paths: [string, string, unknown?][] = [
      ["GET", ""],
      ["PATCH", "", { name: "Mine" }],
      ["DELETE", ""],
      ["GET", "/members"],
      ["PUT", `/members/${two.owner.userId}/role`, { role: "member" }],
      ["DELETE", `/members/${two.member.userId}`],
      ["GET", "/roles"],
      ["PUT", "/roles/boss", { permissions: ["data:x:read"] }],
      ["DELETE", "/roles/boss"],
      ["GET", "/teams"],
      ["POST", "/teams", { name: "Ours" }],
      ["GET", "/invitations"],
      ["POST", "/invitations", { role: "member" }],
    ];
    for (const [method, path, body] of paths) {
      const answer = code(send(one.owner, method, `/orgs/${two.org.id}${path}`, body));
      expect([method, path, await answer]).toEqual([method, path, "404 org_not_found"]);
    }
    const team = await send(two.owner, "POST", `/orgs/${two.org.id}/teams`, { name: "Core" });
    const across = `/orgs/${one.org.id}/teams/${team.body.id}`;
    expect(await code(send(one.owner, "GET", across))).toBe("404 team_not_found");
    expect(await code(send(one.owner, "PUT", `${across}/members/${one.member.userId}`))).toBe(
      "404 team_not_found",
    );
  });
});

describe("an invitation", () => {
  test("ends with the account of who sent it, emptied or removed", async () => {
    for (const body of [{ should_soft_delete: true }, {}]) {
      const { org, admin } = await company();
      const made = await send(admin, "POST", `/orgs/${org.id}/invitations`, {});
      await world.send("DELETE", `/auth/v1/admin/users/${admin.userId}`, {
        ...{ bearer: world.project.secretKey, body },
      });
      const back = await person(world, "back");
      expect(
        await code(send(back, "POST", "/invitations/accept", { token: made.body.token })),
      ).toBe("404 invitation_not_found");
    }
  });

  test("by link brings in whoever holds it, once, and never who is there already", async () => {
    const { org, owner, member, stranger } = await company();
    const made = await send(owner, "POST", `/orgs/${org.id}/invitations`, { role: "admin" });
    expect(made.body.token).toMatch(/^rin_[A-Za-z0-9_-]{43}$/);
    const accept = (who: Person | null) =>
      send(who, "POST", "/invitations/accept", { token: made.body.token });
    expect(await code(accept(null))).toBe("401 no_authorization");
    expect(await code(accept(member))).toBe("422 org_member_exists");
    const accepted = await accept(stranger);
    expect(accepted.body).toMatchObject({ id: org.id, role: "admin" });
    const other = await person(world);
    expect(await code(accept(other))).toBe("404 invitation_not_found");
    expect((await claimsOf(world, { bearer: stranger.accessToken })).org_role).toBe("admin");
  });

  test("is accepted by one of many who try at once", async () => {
    const { org, owner } = await company();
    const people = await Promise.all(Array.from({ length: 4 }, () => person(world)));
    const made = await send(owner, "POST", `/orgs/${org.id}/invitations`, {});
    const all = await Promise.all(
      people.map((who) =>
        code(send(who, "POST", "/invitations/accept", { token: made.body.token })),
      ),
    );
    expect(all.sort()).toEqual(["200", ...Array(3).fill("404 invitation_not_found")]);
  });

  test("by mail is for the account that has confirmed the address", async () => {
    const { org, owner, stranger } = await company();
    const other = await person(world);
    const email = stranger.email.toUpperCase();
    const made = await send(owner, "POST", `/orgs/${org.id}/invitations`, { email });
    expect(made.body).toMatchObject({ email: stranger.email, role: "member" });
    expect(made.body).not.toHaveProperty("token");
    const messages = world.mail.inbox.list({ id: "default" });
    const [token = ""] = /rin_[A-Za-z0-9_-]{43}/.exec(JSON.stringify(messages)) ?? [];
    expect(token).not.toBe("");
    const text = JSON.stringify(messages);
    expect(text).toContain(`/auth/ui/account/organizations?invitation=${token}`);
    expect(text).toContain("invites you to join Acme as member");
    const accept = (who: Person) => code(send(who, "POST", "/invitations/accept", { token }));
    expect(await accept(other)).toBe("404 invitation_not_found");
    await world.sql`
      update auth.users set email_confirmed_at = null where id = ${stranger.userId}`;
    expect(await accept(stranger)).toBe("404 invitation_not_found");
    await world.sql`
      update auth.users set email_confirmed_at = created_at where id = ${stranger.userId}`;
    expect(await accept(stranger)).toBe("200");
  });

  test("by mail leads to the app only where that is allowed", async () => {
    const { org, owner } = await company();
    const mailed = async (redirect: string) => {
      const email = `invited-${redirect.length}@example.test`;
      await send(owner, "POST", `/orgs/${org.id}/invitations`, { email, redirect_to: redirect });
      const last = world.mail.inbox.list({ id: "default" }).find(({ to }) => to === email);
      return JSON.stringify(last);
    };
    expect(await mailed("https://evil.example/steal")).not.toContain("evil.example");
    expect(await mailed("http://localhost/join?x=1")).toContain("http://localhost/join?x=1&");
  });

  test("ends after seven days, when withdrawn, and when another takes its place", async () => {
    const { org, owner, stranger } = await company();
    const path = `/orgs/${org.id}/invitations`;
    const accept = (token: string) =>
      code(send(stranger, "POST", "/invitations/accept", { token }));
    const withdrawn = (await send(owner, "POST", path, {})).body;
    expect(await code(send(owner, "DELETE", `${path}/${withdrawn.id}`))).toBe("204");
    expect(await code(send(owner, "DELETE", `${path}/${withdrawn.id}`))).toBe(
      "404 invitation_not_found",
    );
    expect(await accept(withdrawn.token)).toBe("404 invitation_not_found");
    for (const token of ["", "rin_", `rin_${"a".repeat(43)}`, withdrawn.token.slice(0, -1)]) {
      expect(await accept(token)).toBe("404 invitation_not_found");
    }
    const own = await openAuthWorld({ access_token_ttl_s: 604_800 });
    try {
      const ada = await person(own);
      const grace = await person(own);
      const mine = await makeOrg(own, ada);
      const made = await own.send("POST", `/auth/v1/orgs/${mine.id}/invitations`, {
        bearer: ada.accessToken,
        body: {},
      });
      await own.clock.advance(7 * 24 * 3_600_000 - 1000);
      const listed = await own.send("GET", `/auth/v1/orgs/${mine.id}/invitations`, {
        bearer: ada.accessToken,
      });
      expect(listed.body.invitations).toHaveLength(1);
      expect(JSON.stringify(listed.body)).not.toContain("rin_");
      const fresh = await renewed(own, grace);
      await own.clock.advance(1000);
      const late = await own.send("POST", "/auth/v1/invitations/accept", {
        bearer: fresh.accessToken,
        body: { token: made.body.token },
      });
      expect(late.body.code).toBe("invitation_not_found");
    } finally {
      await own.close();
    }
  });

  test("leaves no token in the tables, the audit log, the events or the log", async () => {
    const { org, owner } = await company();
    const { token } = (await send(owner, "POST", `/orgs/${org.id}/invitations`, {})).body;
    const secret = token.slice(4);
    for (const table of ["auth.org_invitations", "auth.audit_log_entries", "reactor.events"]) {
      const rows = await world.sql.unsafe(`select t::text as text from ${table} t`);
      for (const row of rows) expect(row["text"]).not.toContain(secret);
    }
    expect(JSON.stringify(world.log.lines)).not.toContain(secret);
  });
});

describe("teams", () => {
  test("hold members of their organisation, who carry them in the token", async () => {
    const { org, owner, admin, member, stranger } = await company();
    const path = `/orgs/${org.id}/teams`;
    expect(await code(send(member, "POST", path, { name: "Core" }))).toBe(
      "403 org_permission_denied",
    );
    const made = await send(admin, "POST", path, { name: "Core" });
    expect(made.status).toBe(201);
    expect(await code(send(admin, "POST", path, { name: "Core" }))).toBe("422 team_name_taken");
    const team = `${path}/${made.body.id}`;
    expect(await code(send(admin, "PUT", `${team}/members/${member.userId}`))).toBe("204");
    expect(await code(send(admin, "PUT", `${team}/members/${stranger.userId}`))).toBe(
      "404 org_member_not_found",
    );
    expect((await send(owner, "GET", team)).body).toMatchObject({
      members: 1,
      member_ids: [member.userId],
    });
    expect((await claimsOf(world, { bearer: member.accessToken })).teams).toEqual([made.body.id]);
    expect(await ask(world, { bearer: member.accessToken }, "auth.team_ids()")).toEqual([
      made.body.id,
    ]);
    expect(await code(send(admin, "DELETE", `${team}/members/${member.userId}`))).toBe("204");
    expect((await claimsOf(world, { bearer: member.accessToken })).teams).toBeUndefined();
    expect(await code(send(admin, "PATCH", team, { name: "Kernel" }))).toBe("200");
    expect(await code(send(admin, "DELETE", team))).toBe("204");
    expect(await code(send(admin, "GET", team))).toBe("404 team_not_found");
  });
});

describe("a request acts", () => {
  test("in the default organisation, in another by X-Reactor-Org, and never in a stranger's", async () => {
    const one = await company();
    const two = await company();
    await join(world, two.org, one.member, "admin");
    const { accessToken: bearer } = await renewed(world, one.member);
    expect(await claimsOf(world, { bearer })).toMatchObject({
      org_id: one.org.id,
      org_role: "member",
    });
    for (const org of [two.org.id, two.org.slug, two.org.id.toUpperCase()]) {
      const claims = await claimsOf(world, { bearer, org });
      expect(claims).toMatchObject({ org_id: two.org.id, org_role: "admin" });
      expect(claims.default_org).toBe(one.org.id);
      expect(claims.sub).toBe(one.member.userId);
    }
    const three = await company();
    for (const org of [three.org.id, three.org.slug, "nobody", crypto.randomUUID()]) {
      expect(await refusal(world, { bearer, org })).toBe("org_forbidden");
    }
    const { publishableKey, secretKey } = world.project;
    expect(await refusal(world, { org: one.org.id })).toBe("org_forbidden");
    expect(await refusal(world, { apikey: publishableKey, org: one.org.id })).toBe("org_forbidden");
    expect(await refusal(world, { bearer: secretKey, org: one.org.id })).toBe("org_forbidden");
  });

  test.each(["", " ", "a,b", "a b", "*", "../x", "x".repeat(65), "'; drop table"])(
    "nowhere for a header that is %j",
    async (org) => {
      const { owner } = await company();
      const { status, body } = await world.send("GET", "/auth/v1/permissions", {
        bearer: owner.accessToken,
        headers: { "x-reactor-org": org },
      });
      expect([status, body.code]).toEqual([403, "org_forbidden"]);
    },
  );

  test("as the role stands now, though the token is from before", async () => {
    const { org, owner, admin, member } = await company();
    const old = await renewed(world, admin);
    const can = (who: Person, wanted: string) =>
      ask(world, { bearer: who.accessToken }, `auth.has_permission('${wanted}')`);
    expect(await can(old, "data:todos:delete")).toBe(true);
    await setRole(owner, org, admin, "member");
    expect(await can(old, "data:todos:delete")).toBe(false);
    expect(await can(old, "data:todos:read")).toBe(true);
    await remove(owner, org, admin);
    expect(await can(old, "data:todos:read")).toBe(false);
    expect(await ask(world, { bearer: old.accessToken }, "auth.org_id()")).toBeNull();
    expect(await ask(world, { bearer: old.accessToken }, "auth.org_ids()")).toEqual([]);
    expect(await refusal(world, { bearer: old.accessToken, org: org.id })).toBe("org_forbidden");
    // A role that is written anew is anew for all who hold it.
    await send(owner, "PUT", `/orgs/${org.id}/roles/editor`, { permissions: ["data:a:write"] });
    await setRole(owner, org, member, "editor");
    const editor = await renewed(world, member);
    expect(await can(editor, "data:a:update")).toBe(true);
    await send(owner, "PUT", `/orgs/${org.id}/roles/editor`, { permissions: ["data:b:write"] });
    expect(await can(editor, "data:a:update")).toBe(false);
    expect(await can(editor, "data:b:update")).toBe(true);
    expect(await code(send(owner, "DELETE", `/orgs/${org.id}/roles/editor`))).toBe(
      "409 org_role_in_use",
    );
  });

  test("read anew where the token was issued while the change was under way", async () => {
    const { org, owner, admin } = await company();
    await setRole(owner, org, admin, "member");
    await world.clock.advance(1_500);
    const young = await renewed(world, admin);
    // What the change had not committed when the token was made.
    await world.sql`
      delete from auth.memberships where org_id = ${org.id} and user_id = ${admin.userId}`;
    await world.clock.advance(1_000);
    const bearer = young.accessToken;
    expect(await ask(world, { bearer }, "auth.has_permission('data:todos:read')")).toBe(false);
  });

  test("within a second of the change where another organisation was asked for", async () => {
    const one = await company();
    const two = await company();
    await join(world, two.org, one.member, "admin");
    const { accessToken: bearer } = await renewed(world, one.member);
    expect(await refusal(world, { bearer, org: two.org.id })).toBe("accepted");
    // Behind the service's back: nobody tells the other servers.
    await world.sql`
      delete from auth.memberships where org_id = ${two.org.id} and user_id = ${one.member.userId}`;
    await world.clock.advance(1000);
    expect(await refusal(world, { bearer, org: two.org.id })).toBe("org_forbidden");
  });

  test("in what the person chose as default", async () => {
    const one = await company();
    const two = await company();
    await join(world, two.org, one.member);
    const choose = (org: string) => code(send(one.member, "PUT", "/user/default_org", { org }));
    expect(await choose(two.org.slug)).toBe("204");
    expect((await claimsOf(world, { bearer: one.member.accessToken })).org_id).toBe(two.org.id);
    const three = await company();
    expect(await choose(three.org.id)).toBe("404 org_not_found");
    await Promise.all([one.org, two.org, one.org, two.org].map((org) => choose(org.id)));
    const rows = await world.sql`
      select 1 from auth.memberships where user_id = ${one.member.userId} and is_default`;
    expect(rows).toHaveLength(1);
  });
});

describe("a token", () => {
  test("has a bounded size, and what it leaves out is read where it matters", async () => {
    const many = await person(world, "many");
    const bearer = world.project.secretKey;
    const ids: string[] = [];
    for (let n = 0; n < 30; n += 1) {
      const { body } = await world.send("POST", "/auth/v1/orgs", {
        bearer,
        body: { name: `Org ${n}`, owner_id: many.userId },
      });
      ids.push(body.id);
    }
    const teams: string[] = [];
    for (let n = 0; n < 12; n += 1) {
      const made = await world.send("POST", `/auth/v1/orgs/${ids[0]}/teams`, {
        bearer,
        body: { name: `Team ${n}` },
      });
      teams.push(made.body.id);
      const path = `/auth/v1/orgs/${ids[0]}/teams/${made.body.id}/members/${many.userId}`;
      await world.send("PUT", path, { bearer });
    }
    const full = { user_metadata: { x: "y".repeat(3000) }, app_metadata: { x: "y".repeat(900) } };
    await world.sql`
      update auth.users set raw_user_meta_data = ${world.sql.json(full.user_metadata)},
        raw_app_meta_data = ${world.sql.json(full.app_metadata)} where id = ${many.userId}`;
    const fresh = await renewed(world, many);
    expect(fresh.accessToken.length).toBeLessThan(8192);
    const claims = decodeJwt(fresh.accessToken);
    expect(claims).toMatchObject({ org_id: ids[0], orgs_more: true, teams_more: true });
    expect(await refusal(world, { bearer: fresh.accessToken, org: ids[29] ?? "" })).toBe(
      "accepted",
    );
    expect(await ask(world, { bearer: fresh.accessToken }, "auth.org_ids()")).toEqual(ids.sort());
    expect(await ask(world, { bearer: fresh.accessToken }, "auth.team_ids()")).toEqual(
      teams.sort(),
    );
  });

  test("says the same of organisations whatever a hook makes of it", async () => {
    const hooks = structuredClone(Value.Create(authConfig).hooks);
    const uri = "pg-functions://postgres/public/claims";
    hooks.custom_access_token = { timeout_ms: 0, uri, secrets: "" };
    const hooked = await openAuthWorld({ hooks });
    try {
      await hooked.sql.unsafe(`
        create function public.claims(event jsonb) returns jsonb language sql as $$
          select jsonb_set(jsonb_set(event, '{claims,permissions}', '["*"]'), '{claims,plan}', '"pro"')
            #- '{claims,orgs}' $$`);
      const [owner, member] = await Promise.all([person(hooked), person(hooked)]);
      const org = await makeOrg(hooked, owner);
      await join(hooked, org, member);
      const claims = decodeJwt((await renewed(hooked, member)).accessToken);
      expect(claims).toMatchObject({ plan: "pro", orgs: [org.id], org_role: "member" });
      expect(claims["permissions"]).not.toContain("*");
    } finally {
      await hooked.close();
    }
  });

  test("of somebody anonymous makes no organisation", async () => {
    const open = await openAuthWorld({ anonymous_sign_ins: true });
    try {
      const { body } = await open.send("POST", "/auth/v1/signup", { body: {} });
      const bearer = body.access_token;
      const made = await open.send("POST", "/auth/v1/orgs", { bearer, body: { name: "Ghosts" } });
      expect([made.status, made.body.code]).toEqual([403, "org_needs_account"]);
      const key = { name: "x", scopes: ["*"] };
      const keyed = await open.send("POST", "/auth/v1/api-keys", { bearer, body: key });
      expect([keyed.status, keyed.body.code]).toEqual([403, "not_admin"]);
    } finally {
      await open.close();
    }
  });

  test("of somebody in no organisation says nothing of any", async () => {
    const alone = await person(world);
    const claims = await claimsOf(world, { bearer: alone.accessToken });
    for (const name of ["org_id", "orgs", "permissions"]) expect(claims).not.toHaveProperty(name);
    const { body } = await send(alone, "GET", "/permissions");
    expect(body).toMatchObject({ org_id: null, permissions: [], scopes: null });
  });
});

describe("in the database", () => {
  const segments = ["data", "auth", "*", "todos", "a.b", "read", "write", "delete", "", "'"];
  const pick = (seed: number) => segments[seed % segments.length] ?? "";

  test("permissions are judged as in the program", async () => {
    const cases: { granted: string[]; wanted: string }[] = [];
    let seed = 7;
    const next = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor(seed / 65_536);
    };
    const permission = () => {
      const parts = Array.from({ length: next() % 9 === 0 ? 1 + (next() % 4) : 3 }, () =>
        pick(next()),
      );
      return parts.join(":");
    };
    for (let n = 0; n < 12_000; n += 1) {
      const granted = Array.from({ length: next() % 3 }, permission);
      cases.push({ granted, wanted: permission() });
    }
    const rows = await world.sql<{ allowed: boolean }[]>`
      select auth.permits(
        array(select jsonb_array_elements_text(item -> 'granted')), item ->> 'wanted') as allowed
      from jsonb_array_elements(${world.sql.json(cases)}) with ordinality as list (item, nth)
      order by nth`;
    const differing = cases.filter(
      ({ granted, wanted }, n) => covers(granted, wanted) !== rows[n]?.allowed,
    );
    expect(differing).toEqual([]);
    expect(rows.filter((row) => row.allowed).length).toBeGreaterThan(100);
  });

  test("nobody reads or writes the tables of organisations", async () => {
    const { member, org } = await company();
    const tables = ["orgs", "org_roles", "memberships", "teams", "org_invitations", "org_changes"];
    for (const table of tables) {
      for (const role of ["anon", "authenticated", "service_role"]) {
        const rights = await world.sql`
          select has_table_privilege(${role}, ${`auth.${table}`}, 'select, insert, update, delete')
            as any`;
        expect([table, role, rights[0]?.["any"]]).toEqual([table, role, false]);
      }
    }
    const mine = await ask(world, { bearer: member.accessToken }, "auth.orgs_of_caller()");
    expect(mine).toEqual([org.id]);
  });

  test("claims that were made up elsewhere do no harm", async () => {
    const told = async (claims: unknown, expression: string) => {
      const rows = await world.sql.begin(async (tx) => {
        await tx`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
        return tx.unsafe(`select ${expression} as value`);
      });
      return rows[0]?.["value"];
    };
    const has = "auth.has_permission('data:todos:read')";
    expect(await told({}, has)).toBe(false);
    expect(await told({ permissions: "*" }, has)).toBe(false);
    expect(await told({ permissions: { "*": 1 } }, has)).toBe(false);
    expect(await told({ permissions: [["*"]] }, has)).toBe(false);
    expect(await told({ permissions: ["*"], scopes: null }, has)).toBe(false);
    expect(await told({ permissions: ["*"], scopes: [] }, has)).toBe(false);
    expect(await told({ permissions: ["*"], scopes: ["data:*:read"] }, has)).toBe(true);
    expect(await told({ role: "service_role" }, has)).toBe(true);
    expect(await told({ role: "service_role", scopes: ["data:x:read"] }, has)).toBe(false);
    expect(await told({ permissions: ["*"] }, "auth.has_permission(null)")).toBe(false);
    expect(await told({}, "auth.has_scope('data:x:read')")).toBe(true);
    const client = { permissions: ["*"], scoped: true };
    expect(await told({ ...client, scope: "openid data:todos:read" }, has)).toBe(true);
    expect(await told({ ...client, scope: "openid data:x:read" }, has)).toBe(false);
    expect(await told(client, has)).toBe(false);
    expect(await told({ permissions: ["*"], scope: "openid" }, has)).toBe(true);
  });
});
