/**
 * `Prefer: explain=access` on whole servers: what it says decided, that its statement does what it
 * promises, and that nobody learns anything who may not.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { openDirect } from "../../src/postgres/databases.ts";
import { silentLog } from "../support/postgres.ts";
import { signUp } from "../support/row-world.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

interface Finding {
  object: string;
  privilege: string;
  columns: string[] | null;
  granted: boolean;
}
interface Policy {
  name: string;
  applies: boolean;
  rows_passing: number | null;
  rows_accepted: number | null;
  error: string | null;
  using: string | null;
}
interface Access {
  role: string;
  user_id: string | null;
  command: string;
  object: string;
  privileges: Finding[];
  row_security: object | null;
  rows: object | null;
  policies: Policy[];
  decided_by: { kind: string; object: string; names: string[]; reason: string };
  fix: string | null;
  fix_effect: string | null;
  related: { object: string; policies: Policy[]; rows: object }[];
}

let server: TestServer;
let alice: { id: string; token: string };
beforeAll(async () => {
  server = await startTestServer({ development: true });
  alice = await signUp(server.url, server.publishableKey, "alice");
});
afterAll(() => server.stop());

async function query(statement: string, url = server.ownerUrl) {
  const sql = openDirect(url, silentLog);
  try {
    await sql.unsafe(statement).simple();
  } finally {
    await sql.end();
  }
}

/** A table of rows of two people, made anew, and the schema read again. */
const NOTES = `
  drop schema if exists app cascade; drop schema if exists public cascade;
  create schema public; grant usage on schema public to anon, authenticated, service_role;
  create table public.notes (id int primary key, owner uuid, text text, secret text);
  create table public.lines (id int primary key, note_id int references public.notes, text text);
  insert into public.notes values (1, '%ALICE%', 'mine', 's'), (2, null, 'theirs', 's');
  insert into public.lines values (1, 1, 'a'), (2, 2, 'b');
  alter table public.notes enable row level security;
  alter table public.lines enable row level security;`;
const GRANTED = `grant all on all tables in schema public to anon, authenticated, service_role;`;

let marker = 0;

/** Waits until the server knows what was made. */
async function make(more: string, target = server): Promise<void> {
  const name = `marker_${++marker}`;
  await query(
    `${NOTES.replaceAll("%ALICE%", alice.id)} ${more};
     create function public.${name}() returns int language sql return 1;
     grant execute on function public.${name}() to anon, authenticated, service_role;
     notify pgrst`,
    target.ownerUrl,
  );
  await until("the function is known", async () => {
    const answer = await fetch(`${target.url}/data/v1/rpc/${name}`, {
      headers: { apikey: target.secretKey },
    });
    return answer.status === 200;
  });
}

/** The schema cache follows what a fix changed. */
async function settle(): Promise<void> {
  const name = `marker_${++marker}`;
  await query(`create function public.${name}() returns int language sql return 1;
    grant execute on function public.${name}() to service_role; notify pgrst`);
  await until(
    "the function is known",
    async () =>
      (await send(`/rpc/${name}`, { explain: false, headers: { apikey: server.secretKey } }))
        .status === 200,
  );
}

interface Asking {
  method?: string;
  as?: "anon" | "alice";
  body?: unknown;
  prefer?: string;
  headers?: Record<string, string>;
  explain?: boolean;
}

function send(path: string, asking: Asking = {}, target = server): Promise<Response> {
  const { method = "GET", as = "anon", body, prefer, headers = {}, explain = true } = asking;
  const preferences = [prefer, explain ? "explain=access" : undefined].filter(Boolean).join(", ");
  return fetch(`${target.url}/data/v1${path}`, {
    method,
    headers: {
      ...(as === "alice" ? { authorization: `Bearer ${alice.token}` } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(preferences === "" ? {} : { prefer: preferences }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function explain(path: string, asking: Asking = {}) {
  const answer = await send(path, asking);
  const body = (await answer.json()) as { access?: Access; data?: unknown; code?: string };
  if (!body.access) throw new Error(`no explanation: ${answer.status} ${JSON.stringify(body)}`);
  return { answer, access: body.access, body };
}

/** Runs what the explanations say until the request gets its answer; the kinds of decisions on the way. */
async function follow(
  path: string,
  asking: Asking = {},
): Promise<{ kinds: string[]; fixes: string[]; body: unknown }> {
  const kinds: string[] = [];
  const fixes: string[] = [];
  for (let i = 0; i < 6; i++) {
    const answer = await send(path, asking);
    const text = await answer.text();
    const body = text === "" ? null : JSON.parse(text);
    const access = body?.access as Access | undefined;
    if (!access) return { kinds, fixes, body };
    kinds.push(access.decided_by.kind);
    if (access.fix === null) throw new Error(`no way on: ${JSON.stringify(access, null, 2)}`);
    fixes.push(access.fix);
    await query(access.fix);
    await settle();
  }
  throw new Error(`it went on for ever: ${kinds.join(", ")}\n${fixes.join("\n")}`);
}

describe("reading", () => {
  test("no USAGE on the schema, no grant, no policy: one after the other, each with its statement", async () => {
    await make(`revoke usage on schema public from anon`);
    const { kinds, fixes, body } = await follow("/notes?select=id,text&order=id");
    expect(kinds).toEqual(["schema_usage", "table_privilege", "no_policy"]);
    expect(fixes).toEqual([
      'grant usage on schema "public" to "anon";',
      'grant select on table "public"."notes" to "anon";',
      'create policy "anon_select" on "public"."notes" for select to "anon" using (true);',
    ]);
    expect(body).toEqual([
      { id: 1, text: "mine" },
      { id: 2, text: "theirs" },
    ]);
  });

  test("a denied answer keeps status and code, and says who lacks what", async () => {
    await make("");
    const { answer, access, body } = await explain("/notes");
    expect(answer.status).toBe(401);
    expect(answer.headers.get("preference-applied")).toBe("explain=access");
    expect(body.code).toBe("42501");
    expect(access).toMatchObject({
      role: "anon",
      user_id: null,
      command: "select",
      object: 'table "public"."notes"',
      decided_by: {
        kind: "table_privilege",
        object: 'table "public"."notes"',
        reason: 'anon has no right to select on table "public"."notes"',
      },
      fix_effect: 'anon gets SELECT on table "public"."notes"',
    });
    const user = await explain("/notes", { as: "alice" });
    expect(user.answer.status).toBe(403);
    expect(user.access).toMatchObject({ role: "authenticated", user_id: alice.id });
  });

  test("columns that were not granted are named", async () => {
    await make(`grant select (id, owner) on public.notes to authenticated;
      create policy all_rows on public.notes for select using (true)`);
    const { access } = await explain("/notes?select=id,text&secret=eq.s", { as: "alice" });
    expect(access.decided_by).toMatchObject({
      kind: "column_privilege",
      names: ["secret", "text"],
    });
    expect(access.fix).toBe(
      'grant select ("secret", "text") on table "public"."notes" to "authenticated";',
    );
    const { body } = await follow("/notes?select=id,text&secret=eq.s&id=eq.1", { as: "alice" });
    expect(body).toEqual([{ id: 1, text: "mine" }]);
  });

  test("an empty list comes in an envelope, with the policies and the rows they let through", async () => {
    await make(`${GRANTED} create policy nobody on public.notes for select to authenticated using (false);
      create policy of_another on public.notes for update using (true);
      create policy for_others on public.notes for select to service_role using (true)`);
    const { answer, access, body } = await explain("/notes?id=gte.1", { as: "alice" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe(
      "application/vnd.reactor.access+json; charset=utf-8",
    );
    expect(body.data).toEqual([]);
    expect(access.rows).toEqual({ examined: 2, visible: 0, proposed: null });
    expect(access.row_security).toEqual({ enabled: true, forced: false, applies: true });
    expect(
      access.policies.map(({ name, applies, rows_passing }) => ({ name, applies, rows_passing })),
    ).toEqual([
      { name: "for_others", applies: false, rows_passing: null },
      { name: "nobody", applies: true, rows_passing: 0 },
      { name: "of_another", applies: false, rows_passing: null },
    ]);
    expect(access.decided_by).toMatchObject({ kind: "policy_using", names: ["nobody"] });
    // Alice's own rows are the smallest that would do.
    expect(access.fix).toBe(
      'create policy "authenticated_select" on "public"."notes" for select to "authenticated" using ("owner" = (select auth.uid()));',
    );
    expect(access.fix_effect).toContain("rows whose owner is the caller's id");
    const { body: rows } = await follow("/notes?select=id&id=gte.1", { as: "alice" });
    expect(rows).toEqual([{ id: 1 }]);
  });

  test("a restrictive policy that stops what others let through", async () => {
    await make(`${GRANTED} create policy open on public.notes for select using (true);
      create policy shut on public.notes as restrictive for select to anon using (id > 10)`);
    const { access } = await explain("/notes");
    expect(access.decided_by).toMatchObject({ kind: "policy_using", names: ["shut"] });
    expect(access.fix).toBe('drop policy "shut" on "public"."notes";');
    expect((await follow("/notes?select=id&id=eq.2")).body).toEqual([{ id: 2 }]);
  });

  test("a policy that reads what the role may not", async () => {
    await make(`${GRANTED} create table public.members (id uuid); revoke all on public.members from authenticated;
      create policy members on public.notes for select to authenticated
        using (exists (select from members m where m.id = auth.uid()))`);
    const { access } = await explain("/notes", { as: "alice" });
    expect(access.decided_by).toMatchObject({
      kind: "policy_error",
      names: ["members"],
      reason: "permission denied for table members",
    });
    expect(access.fix).toBe('grant select on table "public"."members" to "authenticated";');
  });

  test("where there is nothing, that is what is said, and nothing is to be done", async () => {
    await make(`${GRANTED} create policy open on public.notes for select using (true)`);
    const { access } = await explain("/notes?id=eq.99");
    expect(access.decided_by).toMatchObject({
      kind: "no_rows",
      reason: "No row matches the filters, whoever asks",
    });
    expect({ fix: access.fix, effect: access.fix_effect }).toEqual({ fix: null, effect: null });
    const { access: page } = await explain("/notes?offset=5");
    expect(page.decided_by.kind).toBe("no_rows");
    expect(page.rows).toMatchObject({ visible: 2 });
  });

  test("one row that was asked for and is hidden", async () => {
    await make(`${GRANTED}`);
    const { answer, body, access } = await explain("/notes?id=eq.1", {
      headers: { accept: "application/vnd.pgrst.object+json" },
    });
    expect({ status: answer.status, code: body.code }).toEqual({ status: 406, code: "PGRST116" });
    expect(access.decided_by.kind).toBe("no_policy");
  });

  test("a table that require_rls refuses", async () => {
    await make(`${GRANTED} alter table public.notes disable row level security`);
    const { kinds, fixes } = await follow("/notes?select=id", { as: "alice" });
    expect(kinds).toEqual(["require_rls", "no_policy"]);
    expect(fixes[0]).toBe('alter table "public"."notes" enable row level security;');
  });

  test("an embedded table: its grant, and its policy where the embedding is inner", async () => {
    await make(
      `grant select on public.notes to anon; create policy open on public.notes for select using (true)`,
    );
    const { kinds, body } = await follow("/notes?select=id,lines!inner(text)&id=eq.1");
    expect(kinds).toEqual(["table_privilege", "embedding"]);
    expect(body).toEqual([{ id: 1, lines: [{ text: "a" }] }]);
  });

  test("a view that runs as its caller: the table under it", async () => {
    await make(`create view public.seen with (security_invoker = true) as select id, text from public.notes;
      grant select on public.seen to anon`);
    const { kinds, body, fixes } = await follow("/seen?id=eq.2");
    expect(kinds).toEqual(["table_privilege", "no_policy"]);
    expect(fixes[0]).toContain('"public"."notes"');
    expect(body).toEqual([{ id: 2, text: "theirs" }]);
  });

  test("what is found is answered as ever", async () => {
    await make(`${GRANTED} create policy open on public.notes for select using (true)`);
    const answer = await send("/notes?select=id&id=eq.1");
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(answer.headers.get("preference-applied")).toBe("explain=access");
    expect(await answer.json()).toEqual([{ id: 1 }]);
    const head = await send("/notes?id=eq.99", { method: "HEAD" });
    expect({ status: head.status, text: await head.text() }).toEqual({ status: 200, text: "" });
  });
});

describe("writing", () => {
  test("an insert: the grant, a sequence's, a policy whose check accepts the row", async () => {
    await make(`create table public.logs (id serial primary key, owner uuid default auth.uid(), text text);
      alter table public.logs enable row level security`);
    const asking = { method: "POST", as: "alice", body: { text: "x" } } as const;
    const { kinds, fixes } = await follow("/logs", asking);
    expect(kinds).toEqual(["table_privilege", "sequence_privilege", "no_policy"]);
    expect(fixes).toEqual([
      'grant insert on table "public"."logs" to "authenticated";',
      'grant usage on sequence public.logs_id_seq to "authenticated";',
      'create policy "authenticated_insert" on "public"."logs" for insert to "authenticated" with check ("owner" = (select auth.uid()));',
    ]);
  });

  test("a check that refuses the row, with how many it accepts", async () => {
    await make(`${GRANTED} create policy own on public.notes for insert to authenticated
      with check (owner = auth.uid())`);
    const body = [
      { id: 8, owner: alice.id },
      { id: 9, owner: null },
    ];
    const { answer, access } = await explain("/notes", { method: "POST", as: "alice", body });
    expect(answer.status).toBe(403);
    expect(access.decided_by).toMatchObject({ kind: "policy_check", names: ["own"] });
    expect(access.policies[0]).toMatchObject({ rows_accepted: 1, rows_passing: null });
    expect(access.rows).toEqual({ examined: null, visible: null, proposed: 2 });
  });

  test("a row that may be written and not be seen, when the answer is to hold it", async () => {
    await make(`${GRANTED} create policy insert_any on public.notes for insert with check (true)`);
    const asking = {
      method: "POST",
      as: "alice",
      body: { id: 7, owner: alice.id },
      prefer: "return=representation",
    } as const;
    const { access } = await explain("/notes", asking);
    expect(access.decided_by.kind).toBe("no_policy");
    expect(access.fix).toBe(
      'create policy "authenticated_select" on "public"."notes" for select to "authenticated" using ("owner" = (select auth.uid()));',
    );
    expect((await follow("/notes?select=id", asking)).body).toEqual([{ id: 7 }]);
    expect(
      (await send("/notes", { ...asking, body: { id: 17 }, prefer: "return=minimal" })).status,
    ).toBe(201);
  });

  test("an update that touches nothing: what hides the rows, then what keeps them", async () => {
    await make(GRANTED);
    const asking = { method: "PATCH", as: "alice", body: { text: "new" } } as const;
    const { kinds, body, fixes } = await follow("/notes?id=eq.1", asking);
    expect(kinds).toEqual(["no_policy", "no_policy"]);
    expect(fixes[1]).toBe(
      'create policy "authenticated_update" on "public"."notes" for update to "authenticated" using ("owner" = (select auth.uid())) with check ("owner" = (select auth.uid()));',
    );
    expect(body).toBeNull();
    const { access } = await explain("/notes?id=eq.2", asking);
    expect(access.decided_by).toMatchObject({
      kind: "policy_using",
      names: ["authenticated_select"],
    });
  });

  test("an update whose new rows no check accepts", async () => {
    await make(`${GRANTED} create policy see on public.notes for select using (true);
      create policy mine on public.notes for update using (true) with check (owner = auth.uid())`);
    const { access } = await explain("/notes?id=eq.1", {
      method: "PATCH",
      as: "alice",
      body: { owner: null },
    });
    expect(access.decided_by).toMatchObject({ kind: "policy_check", names: ["mine"] });
    expect(access.policies.find((p) => p.name === "mine")).toMatchObject({
      rows_passing: 1,
      rows_accepted: 0,
    });
    const fine = await send("/notes?id=eq.1", {
      method: "PATCH",
      as: "alice",
      body: { text: "t" },
    });
    expect(fine.status).toBe(204);
    expect(fine.headers.get("content-range")).toBe("0-0/*");
    expect(fine.headers.get("preference-applied")).toBe("explain=access");
  });

  test("a deletion of nothing", async () => {
    await make(`${GRANTED} create policy see on public.notes for select using (true)`);
    const { access, body, answer } = await explain("/notes?id=eq.1", {
      method: "DELETE",
      as: "alice",
    });
    expect(answer.status).toBe(200);
    expect(body.data).toBeNull();
    expect(access).toMatchObject({ command: "delete", decided_by: { kind: "no_policy" } });
    const asked = { method: "DELETE", as: "alice" } as const;
    expect((await follow("/notes?id=eq.1", asked)).kinds).toEqual(["no_policy"]);
    const none = await explain("/notes?id=eq.99", asked);
    expect(none.access.decided_by.kind).toBe("no_rows");
  });

  test("an explanation leaves nothing behind: no rows, no numbers, no views", async () => {
    await make(`${GRANTED} create table public.counted (id serial primary key, n int);
      alter table public.counted enable row level security;
      create policy no on public.counted for insert to authenticated with check (n > 5)`);
    const before = await send("/rpc/nothing", { explain: false });
    expect(before.status).toBe(404);
    await explain("/counted", { method: "POST", as: "alice", body: { n: 1 } });
    const sql = openDirect(server.ownerUrl, silentLog);
    try {
      const [row] = await sql`select (select count(*)::int from public.counted) as rows,
        (select count(*)::int from pg_class where relname = 'reactor_explained_rows') as views,
        (select count(*)::int from public.notes) as notes`;
      expect({ ...row }).toEqual({ rows: 0, views: 0, notes: 2 });
    } finally {
      await sql.end();
    }
  });
});

describe("calling", () => {
  test("no EXECUTE", async () => {
    await make(`create function public.shout(word text) returns text language sql return upper(word);
      revoke all on function public.shout(text) from public`);
    const { kinds, fixes, body } = await follow("/rpc/shout?word=a");
    expect(kinds).toEqual(["execute_privilege"]);
    expect(fixes).toEqual(['grant execute on function public.shout(text) to "anon";']);
    expect(body).toBe("A");
  });

  test("what a function may not read, as its caller or as its owner", async () => {
    await make(`create function public.read_notes() returns setof int language plpgsql as
      'begin return query select id from notes; end';
      grant execute on function public.read_notes() to anon`);
    const { access } = await explain("/rpc/read_notes", { method: "POST" });
    expect(access.decided_by).toMatchObject({
      kind: "function_body",
      object: 'table "public"."notes"',
    });
    expect(access.decided_by.reason).toContain("running as anon");
    expect(access.fix).toBe('grant select on table "public"."notes" to "anon";');
    await query(access.fix ?? "");
    const empty = await explain("/rpc/read_notes", { method: "POST" });
    expect(empty.body.data).toEqual([]);
    expect(empty.access).toMatchObject({ decided_by: { kind: "function_body" }, fix: null });
  });
});

describe("who is told", () => {
  let production: TestServer;
  let person: { id: string; token: string };
  beforeAll(async () => {
    production = await startTestServer();
    person = await signUp(production.url, production.publishableKey, "carol");
    await make(GRANTED, production);
  });
  afterAll(() => production.stop());

  const asPerson = (headers: Record<string, string> = {}) => ({
    headers: { authorization: `Bearer ${person.token}`, ...headers },
  });

  test("in production neither nobody, nor a user, nor the publishable key", async () => {
    for (const headers of [
      {},
      { apikey: production.publishableKey },
      asPerson().headers,
      asPerson({ apikey: production.publishableKey }).headers,
      asPerson({ apikey: "sb_secret_wrong" }).headers,
    ]) {
      const answer = await send("/notes", { headers }, production);
      expect(await answer.text()).toBe("[]");
      expect(answer.headers.get("preference-applied")).toBeNull();
      const strict = await send("/notes", { headers, prefer: "handling=strict" }, production);
      expect(strict.status).toBe(400);
      expect(await strict.json()).toMatchObject({
        code: "PGRST122",
        details: "Invalid preferences: explain=access",
      });
    }
  });

  test("the secret key beside a user's token explains the user's request", async () => {
    const answer = await send("/notes", asPerson({ apikey: production.secretKey }), production);
    const { access } = (await answer.json()) as { access: Access };
    expect(access).toMatchObject({
      role: "authenticated",
      user_id: person.id,
      decided_by: { kind: "no_policy" },
      rows: { examined: 2, visible: 0, proposed: null },
    });
  });

  test("and beside the publishable key nobody's", async () => {
    const headers = {
      authorization: `Bearer ${production.publishableKey}`,
      apikey: production.secretKey,
    };
    const answer = await send("/notes", { headers }, production);
    expect(((await answer.json()) as { access: Access }).access.role).toBe("anon");
  });

  test("in development not through a proxy and not to a web page", async () => {
    await make(GRANTED);
    for (const headers of [{ "x-forwarded-for": "192.0.2.1" }, { origin: "http://evil.example" }]) {
      expect(await (await send("/notes", { headers })).text()).toBe("[]");
    }
    expect((await explain("/notes")).access.decided_by.kind).toBe("no_policy");
  });

  test("hostile names and values stay what they are", async () => {
    await make(`${GRANTED} create table public."a""b'; drop" ("c""d" text, "$1" int);
      alter table public."a""b'; drop" enable row level security;
      insert into public."a""b'; drop" values ('x''"; --', 1);
      grant all on public."a""b'; drop" to anon;
      create policy "p""; drop" on public."a""b'; drop" for select to anon using ("c""d" = 'no')`);
    const path = `/${encodeURIComponent(`a"b'; drop`)}?${encodeURIComponent('"c\\"d"')}=eq.${encodeURIComponent(`x'"; --`)}`;
    const { access } = await explain(path);
    expect(access.rows).toMatchObject({ examined: 1, visible: 0 });
    expect(access.decided_by.names).toEqual(['p"; drop']);
    expect((await follow(path)).body).toEqual([{ 'c"d': `x'"; --`, $1: 1 }]);
  });
});
