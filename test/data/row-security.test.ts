/**
 * Row security as a matrix: every role does every operation on every row, and the answers are those
 * of a model in this file. Then many callers at once on few connections: nobody sees another's.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../support/until.ts";
import { type DataWorld, openDataWorld } from "./data-world.ts";

const ALICE = "11111111-1111-4111-8111-111111111111";
const BOB = "22222222-2222-4222-8222-222222222222";

interface Caller {
  readonly name: string;
  readonly role?: string;
  readonly userId?: string;
}
const callers: Caller[] = [
  { name: "anon" },
  { name: "alice", userId: ALICE },
  { name: "bob", userId: BOB },
  { name: "service", role: "service_role" },
];

interface Row {
  readonly slug: string;
  readonly owner: string;
  readonly shared: boolean;
}
const ROWS: Row[] = [
  { slug: "alice-private", owner: ALICE, shared: false },
  { slug: "alice-shared", owner: ALICE, shared: true },
  { slug: "bob-private", owner: BOB, shared: false },
  { slug: "bob-shared", owner: BOB, shared: true },
];

type Operation = "select" | "update" | "delete" | "insert";

/** What the fixture's policies and grants mean. */
function model(caller: Caller, operation: Operation, row: Row): "yes" | "hidden" | "401" | "403" {
  if (caller.role === "service_role") return "yes";
  const owns = caller.userId === row.owner;
  if (operation === "select") return owns || row.shared ? "yes" : "hidden";
  if (caller.userId === undefined) return "401";
  if (operation === "insert") return owns ? "yes" : "403";
  return owns ? "yes" : "hidden";
}

let world: DataWorld;
beforeAll(async () => {
  world = await openDataWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.sql`delete from public.notes`;
  await world.sql`insert into public.notes ${world.sql(ROWS.map((r) => ({ ...r, id: 2000 + ROWS.indexOf(r) })))}`;
});

/** What came of it, in the model's words, checked in the table itself. */
async function attempt(caller: Caller, operation: Operation, row: Row): Promise<string> {
  const prefer = { prefer: "return=representation" };
  const where = `/notes?slug=eq.${row.slug}&select=slug`;
  const requests = {
    select: () => world.ask(where, caller),
    update: () =>
      world.ask(where, { ...caller, method: "PATCH", body: { body: "touched" }, headers: prefer }),
    delete: () => world.ask(where, { ...caller, method: "DELETE", headers: prefer }),
    insert: () =>
      world.ask("/notes", { ...caller, method: "POST", body: { slug: "new", owner: row.owner } }),
  };
  const response = await requests[operation]();
  const happened = await effect(operation, row);
  if (response.status >= 400) {
    expect(happened).toBe(false);
    expect(await response.json()).toMatchObject({ code: "42501" });
    return String(response.status);
  }
  const answered = operation === "insert" || ((await response.json()) as unknown[]).length === 1;
  if (operation !== "select") expect(happened).toBe(answered);
  return answered ? "yes" : "hidden";
}

async function effect(operation: Operation, row: Row): Promise<boolean> {
  const slug = operation === "insert" ? "new" : row.slug;
  const [found] = await world.sql`select body from public.notes where slug = ${slug}`;
  if (operation === "update") return found?.["body"] === "touched";
  return operation === "delete"
    ? found === undefined
    : operation === "insert"
      ? found !== undefined
      : false;
}

describe("row security", () => {
  const matrix = callers.flatMap((caller) =>
    (["select", "update", "delete", "insert"] as const).flatMap((operation) =>
      ROWS.map((row) => [caller.name, operation, row.slug, caller, row] as const),
    ),
  );
  test.each(matrix)("%s may %s %s as the policies say", async (_, operation, __, caller, row) => {
    expect(await attempt(caller, operation, row)).toBe(model(caller, operation, row));
  });

  test("a thousand callers on four connections each see their own rows and nobody else's", async () => {
    await world.sql`delete from public.notes`;
    const users = Array.from(
      { length: 1000 },
      (_, i) => `00000000-0000-4000-9000-${String(i).padStart(12, "0")}`,
    );
    await world.sql`insert into public.notes (slug, owner) select 'n' || u, u::uuid from unnest(${users}::text[]) u`;
    const readOwn = async (userId: string) => {
      const response = await world.ask("/notes?select=owner", { userId });
      const owners = ((await response.json()) as Row[]).map((row) => row.owner);
      expect(owners).toEqual([userId]);
    };
    // All at once, and again on connections that others have used.
    await Promise.all(users.map(readOwn));
    await Promise.all(users.toReversed().map(readOwn));
  });

  test("a role that is not granted cannot be assumed", async () => {
    for (const role of ["postgres", "pg_read_all_data", "nobody", 'anon"; reset role; --']) {
      const response = await world.ask("/artists", { role });
      expect([401, 403]).toContain(response.status);
    }
  });

  test("settings of one request are gone in the next", async () => {
    await world.sql.unsafe(`create or replace view public.settings with (security_invoker) as
      select current_user::text as who, current_setting('request.jwt.claims', true) as claims,
        current_setting('request.headers', true)::json ->> 'x-mark' as mark,
        current_setting('request.method', true) as method, current_setting('request.path', true) as path,
        current_setting('request.headers', true)::json ->> 'authorization' as secret`);
    const ask = async (userId?: string) => {
      const headers = { "x-mark": userId ?? "none", authorization: "Bearer x" };
      const response = await world.ask("/settings", userId ? { headers, userId } : { headers });
      return response.status === 200 ? ((await response.json()) as object[])[0] : null;
    };
    await until("the view is known", () => ask());
    const [first, second] = [await ask(ALICE), await ask()];
    expect<unknown>(first).toEqual({
      who: "authenticated",
      claims: `{"sub":"${ALICE}","role":"authenticated"}`,
      mark: ALICE,
      method: "GET",
      path: "/settings",
      secret: null,
    });
    expect<unknown>(second).toEqual({
      who: "anon",
      claims: '{"role":"anon"}',
      mark: "none",
      method: "GET",
      path: "/settings",
      secret: null,
    });
    await world.sql`drop view public.settings`;
  });
});
