/**
 * Organisations and API keys across whole servers: policies on the data API, scopes on tables and
 * functions, a second server that asks for identity over HTTP.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient } from "@supabase/supabase-js";
import postgres, { type Sql } from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

// A busy machine takes its time to start a database and two servers.
setDefaultTimeout(60_000);

const PROJECT = "test/fixtures/project";
let whole: TestServer;
/** Has data alone; asks `whole` who people are. */
let remote: TestServer;
/** A second server with identity of its own, on the same database. */
let second: TestServer;
let sql: Sql;

beforeAll(async () => {
  whole = await startTestServer({
    project: PROJECT,
    config: { auth: { rate_limit_orgs: 10_000 } },
  });
  remote = await startTestServer({
    ...{ only: ["data"], databaseUrl: whole.ownerUrl, vaultKey: whole.vaultKey },
    config: { auth: { url: whole.url } },
  });
  second = await startTestServer({
    ...{ only: ["auth", "data"], databaseUrl: whole.ownerUrl, vaultKey: whole.vaultKey },
  });
  sql = postgres({
    ...postgresJsOptions(parseDatabaseUrl(whole.ownerUrl)),
    max: 2,
    onnotice: () => undefined,
  });
  await sql.unsafe(`
    create table public.org_notes (
      id int generated always as identity primary key,
      org_id uuid not null default auth.org_id() references auth.orgs (id) on delete cascade,
      body text not null
    );
    create table public.org_comments (
      id int generated always as identity primary key,
      note_id int not null references public.org_notes (id) on delete cascade,
      body text not null
    );
    alter table public.org_notes enable row level security;
    alter table public.org_comments enable row level security;
    create policy see on public.org_notes for select to authenticated using (
      org_id = (select auth.org_id()) and (select auth.has_permission('data:org_notes:read')));
    create policy add on public.org_notes for insert to authenticated with check (
      org_id = (select auth.org_id()) and (select auth.has_permission('data:org_notes:insert')));
    create policy change on public.org_notes for update to authenticated using (
      org_id = (select auth.org_id()) and (select auth.has_permission('data:org_notes:update')));
    create policy remove on public.org_notes for delete to authenticated using (
      org_id = (select auth.org_id()) and (select auth.has_permission('data:org_notes:delete')));
    create policy see on public.org_comments for select to authenticated using (
      exists (select from public.org_notes n where n.id = note_id));
    create function public.count_org_notes() returns bigint language sql stable
      return (select count(*) from public.org_notes);
    notify pgrst, 'reload schema';
  `);
  for (const server of [whole, remote, second]) {
    await until("the tables are known", async () => {
      const answer = await fetch(`${server.url}/data/v1/org_comments`, {
        headers: { apikey: server.secretKey },
      });
      return answer.status === 200;
    });
  }
});
afterAll(async () => {
  await sql.end({ timeout: 5 });
  await second.stop();
  await remote.stop();
  await whole.stop();
});

interface Asked {
  readonly server?: TestServer;
  readonly key?: string;
  readonly org?: string;
  readonly method?: string;
  readonly body?: unknown;
  readonly prefer?: string;
}

async function ask(path: string, { server = whole, key, org, method, body, prefer }: Asked) {
  const response = await fetch(`${server.url}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...(org ? { "x-reactor-org": org } : {}),
      ...(prefer ? { prefer } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  return { status: response.status, body: (isJson ? JSON.parse(text) : text) as any };
}
const codeOf = async (answer: ReturnType<typeof ask>) => {
  const { status, body } = await answer;
  return status < 300 ? String(status) : `${status} ${body?.code}`;
};

interface Person {
  readonly id: string;
  readonly token: string;
  readonly refresh: string;
}

let counter = 0;
async function person(): Promise<Person> {
  counter += 1;
  const email = `org-server-${counter}@example.test`;
  const { body } = await ask("/auth/v1/signup", {
    body: { email, password: "correct horse battery" },
  });
  return { id: body.user.id, token: body.access_token, refresh: body.refresh_token };
}
async function renewed(who: Person): Promise<Person> {
  const { body } = await ask("/auth/v1/token?grant_type=refresh_token", {
    body: { refresh_token: who.refresh },
  });
  return { ...who, token: body.access_token, refresh: body.refresh_token };
}
async function makeOrg(owner: Person, name: string) {
  return (await ask("/auth/v1/orgs", { key: owner.token, body: { name } })).body as {
    id: string;
    slug: string;
  };
}
const join = (org: { id: string }, who: Person, role: string) =>
  ask(`/auth/v1/orgs/${org.id}/members`, {
    key: whole.secretKey,
    body: { user_id: who.id, role },
  });

describe("rows of an organisation", () => {
  test("are its members' to see, by the header or the token, on every server", async () => {
    const [ada, grace, eve] = await Promise.all([person(), person(), person()]);
    const one = await makeOrg(ada, "One");
    const two = await makeOrg(grace, "Two");
    await join(two, ada, "member");
    const { token } = await renewed(ada);
    const { token: hers } = await renewed(grace);
    expect(await codeOf(ask("/data/v1/org_notes", { key: token, body: { body: "one" } }))).toBe(
      "201",
    );
    expect(await codeOf(ask("/data/v1/org_notes", { key: hers, body: { body: "two" } }))).toBe(
      "201",
    );
    for (const server of [whole, remote]) {
      const bodies = async (key: string, org?: string) => {
        const { body } = await ask("/data/v1/org_notes?select=body", {
          ...{ server, key },
          ...(org ? { org } : {}),
        });
        return body.map((row: { body: string }) => row.body);
      };
      expect(await bodies(token)).toEqual(["one"]);
      expect(await bodies(token, one.id)).toEqual(["one"]);
      expect(await bodies(token, two.slug)).toEqual(["two"]);
      expect(await bodies(hers)).toEqual(["two"]);
      const refused = (key: string | undefined, org: string) =>
        codeOf(ask("/data/v1/org_notes", { server, org, ...(key ? { key } : {}) }));
      expect(await refused(hers, one.id)).toBe("403 org_forbidden");
      expect(await refused(eve.token, one.slug)).toBe("403 org_forbidden");
      expect(await refused(server.publishableKey, one.id)).toBe("403 org_forbidden");
      expect(await refused(server.secretKey, one.id)).toBe("403 org_forbidden");
      expect(await refused(undefined, one.id)).toBe("403 org_forbidden");
      expect(await bodies(eve.token)).toEqual([]);
    }
    // A member of the second may read there, and no more.
    const writing = { key: token, org: two.id, body: { body: "mine" } };
    expect(await codeOf(ask("/data/v1/org_notes", writing))).toBe("403 42501");
  });

  test("are reached by an unchanged supabase-js that names the organisation", async () => {
    const [ada, grace] = await Promise.all([person(), person()]);
    await makeOrg(ada, "Mine");
    const hers = await makeOrg(grace, "Hers");
    await join(hers, ada, "admin");
    const { token } = await renewed(ada);
    const inOrg = (org: string) =>
      createClient(whole.url, whole.publishableKey, {
        accessToken: async () => token,
        global: { headers: { "X-Reactor-Org": org } },
      });
    const made = await inOrg(hers.slug).from("org_notes").insert({ body: "x" }).select("org_id");
    expect(made.error).toBeNull();
    expect(made.data).toEqual([{ org_id: hers.id }]);
    const refused = await inOrg("somebody-elses").from("org_notes").select();
    expect(refused.error?.code).toBe("org_forbidden");
  });

  test("are no longer seen by who was removed, with the token they still have", async () => {
    const [ada, bob] = await Promise.all([person(), person()]);
    const org = await makeOrg(ada, "Short");
    await join(org, bob, "admin");
    const { token } = await renewed(bob);
    await ask("/data/v1/org_notes", { key: token, body: { body: "seen" } });
    const seen = async (server: TestServer, header?: string) => {
      const answer = await ask("/data/v1/org_notes", {
        ...{ server, key: token },
        ...(header ? { org: header } : {}),
      });
      return answer.status === 403 ? 0 : answer.body.length;
    };
    expect(await seen(whole)).toBe(1);
    expect(await seen(remote, org.id)).toBe(1);
    expect(await seen(remote)).toBe(1);
    expect(await seen(second)).toBe(1);
    await ask(`/auth/v1/orgs/${org.id}/members/${bob.id}`, { key: ada.token, method: "DELETE" });
    await until("removed here", async () => (await seen(whole)) === 0);
    await until("removed there", async () => (await seen(remote, org.id)) === 0);
    await until("removed on the second", async () => (await seen(second)) === 0);
    await until("removed there by the token", async () => (await seen(remote)) === 0);
    expect(
      await codeOf(ask("/data/v1/org_notes", { key: token, body: { body: "again" } })),
    ).toMatch(/^403 /);
  });
});

describe("an API key", () => {
  async function keyFor(who: Person | string, scopes: string[], more: object = {}) {
    const { body } = await ask("/auth/v1/api-keys", {
      key: typeof who === "string" ? who : who.token,
      body: { name: "Key", scopes, ...more },
    });
    return body as { id: string; key: string };
  }

  test("reads the tables of its scopes and no others, however they are reached", async () => {
    const ada = await person();
    await makeOrg(ada, "Scoped");
    const owner = await renewed(ada);
    await ask("/data/v1/org_notes", { key: owner.token, body: { body: "a" } });
    const { key } = await keyFor(owner, ["data:org_notes:read", "data:org_notes:insert"]);
    const { key: all } = await keyFor(owner, ["data:*:*"]);
    for (const server of [whole, remote]) {
      const outcome = (path: string, asked: Asked = {}) =>
        codeOf(ask(`/data/v1/${path}`, { server, key, ...asked }));
      expect(await outcome("org_notes")).toBe("200");
      expect(await outcome("org_notes", { body: { body: "b" } })).toBe("201");
      const refused: [string, Asked?][] = [
        ["org_comments"],
        ["org_notes?select=body,org_comments(body)"],
        ["org_notes?select=body,org_comments!inner()&org_comments.body=eq.x"],
        ["rpc/count_org_notes"],
        ["rpc/count_org_notes", { body: {} }],
        ["org_notes?id=eq.1", { method: "PATCH", body: { body: "c" } }],
        ["org_notes?id=eq.1", { method: "DELETE" }],
        ["org_notes?id=eq.1", { method: "PUT", body: { id: 1, body: "c" } }],
        ["org_notes", { body: { body: "d" }, prefer: "resolution=merge-duplicates" }],
        ["org_comments/subscribe"],
        [""],
        ["_types"],
      ];
      for (const [path, asked] of refused) {
        expect([path, await outcome(path, asked)]).toEqual([path, "403 insufficient_scope"]);
        const wide = await codeOf(ask(`/data/v1/${path}`, { server, ...asked, key: "bad" }));
        expect(wide).not.toBe("200");
      }
      const everything = (path: string) => codeOf(ask(`/data/v1/${path}`, { server, key: all }));
      expect(await everything("org_notes?select=body,org_comments(body)")).toBe("200");
      expect(await everything("rpc/count_org_notes")).toBe("200");
    }
  });

  test("only writes when it may only write", async () => {
    const ada = await person();
    await makeOrg(ada, "Writer");
    const owner = await renewed(ada);
    const { key } = await keyFor(owner, ["data:org_notes:write"]);
    const outcome = (path: string, asked: Asked) =>
      codeOf(ask(`/data/v1/${path}`, { key, ...asked }));
    const body = { body: "x" };
    expect(await outcome("org_notes", { body })).toBe("201");
    expect(await outcome("org_notes", { body, prefer: "return=representation" })).toBe(
      "403 insufficient_scope",
    );
    expect(await outcome("org_notes?body=like.s*", { method: "DELETE" })).toBe(
      "403 insufficient_scope",
    );
  });

  test("of a service with the secret key's role still ends at its scopes", async () => {
    const { key } = await keyFor(whole.secretKey, ["data:org_comments:read"], {
      ...{ kind: "service", role: "service_role" },
    });
    expect(await codeOf(ask("/data/v1/org_comments", { key }))).toBe("200");
    expect(await codeOf(ask("/data/v1/org_notes", { key }))).toBe("403 insufficient_scope");
    for (const path of ["/auth/v1/admin/users", "/fn/v1/_admin/functions", "/data/v1/"]) {
      const { status, body } = await ask(path, { key });
      expect([path, status]).toEqual([path, 403]);
      expect(body.code).toBe("insufficient_scope");
    }
  });

  test("that is refused is told why by every part, in the words of each", async () => {
    const ada = await person();
    const { key } = await keyFor(ada, ["data:*:read", "functions:*:invoke"], {
      ...{ kind: "agent", requires_approval: true },
    });
    for (const path of ["/data/v1/org_notes", "/fn/v1/echo", "/auth/v1/permissions"]) {
      const { status, body } = await ask(path, { key });
      expect([path, status, body.details]).toEqual([path, 401, "The API key waits for approval"]);
    }
  });

  test("calls the functions of its scopes", async () => {
    const ada = await person();
    const { key } = await keyFor(ada, ["functions:echo:invoke"]);
    expect(await codeOf(ask("/fn/v1/echo", { key }))).toBe("200");
  });

  test("is refused by the functions beyond its scopes", async () => {
    const ada = await person();
    const { key } = await keyFor(ada, ["functions:echo:invoke"]);
    expect(await codeOf(ask("/fn/v1/settings", { key }))).toBe("403 insufficient_scope");
    const { key: none } = await keyFor(ada, ["functions:*:read"]);
    expect(await codeOf(ask("/fn/v1/echo", { key: none }))).toBe("403 insufficient_scope");
  });

  test("is all that an agent with an unchanged supabase-js needs", async () => {
    const ada = await person();
    const org = await makeOrg(ada, "Agents");
    const owner = await renewed(ada);
    await ask("/data/v1/org_notes", { key: owner.token, body: { body: "for the agent" } });
    const { key } = await keyFor(owner, ["data:org_notes:read", "functions:echo:invoke"], {
      ...{ kind: "agent", expires_in: 3600, rate_limit: 600 },
      budget: { limit: 100, period: "day" },
    });
    const agent = createClient(whole.url, key, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    const { data, error } = await agent.from("org_notes").select("body, org_id");
    expect(error).toBeNull();
    expect(data).toEqual([{ body: "for the agent", org_id: org.id }]);
    expect((await agent.functions.invoke("echo", { body: { n: 1 } })).error).toBeNull();
    const written = await agent.from("org_notes").insert({ body: "by the agent" });
    expect(written.error).toMatchObject({
      code: "insufficient_scope",
      details: "It needs data:org_notes:insert",
    });
  });

  test("is refused everywhere soon after it was revoked", async () => {
    const ada = await person();
    const { key, id } = await keyFor(ada, ["data:*:read"]);
    const outcome = (server: TestServer) => codeOf(ask("/data/v1/org_notes", { server, key }));
    for (const server of [whole, remote, second]) expect(await outcome(server)).toBe("200");
    await ask(`/auth/v1/api-keys/${id}`, { key: ada.token, method: "DELETE" });
    for (const server of [whole, remote, second]) {
      await until("refused", async () => (await outcome(server)).startsWith("401"));
    }
  });
});
