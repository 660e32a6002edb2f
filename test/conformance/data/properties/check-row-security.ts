/**
 * Many users on few connections, reading and writing at once under row security, against a model of
 * who may see what. Every answer must be exactly what the model says: a row too many is a leak, of
 * a role, of claims or of a transaction that stayed on a connection.
 */
import { hs256, SECRET } from "../../../../src/capabilities/data/auth/token.fixture.ts";
import { openServedDatabase } from "../../../data/served-database.ts";
import { createSeededRng, type SeededRng } from "../../../support/seeded-rng.ts";
import { openPlainDatabase } from "../plain-database.ts";

export interface SecurityRun {
  readonly users: number;
  readonly requests: number;
  readonly connections: number;
  /** Requests under way. */
  readonly atOnce: number;
  readonly seed: number;
  /**
   * Served as a project is, where quick reads share transactions; else as PostgREST serves, by a login
   * without rights.
   */
  readonly own?: boolean;
  readonly onProgress?: (done: number) => void;
}

export interface SecurityResult {
  readonly requests: number;
  /** How often each kind of request was made. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Answers that were not as the model says, at most ten. */
  readonly faults: readonly string[];
}

const GROUPS = 20;

const SCHEMA = `
  create schema api;
  do $$ begin
    create role member nologin noinherit;
  exception when duplicate_object or unique_violation then null; end $$;
  grant member to authenticator;
  grant usage on schema api to anon, member;
  create function api.me() returns text language sql stable
    as $$ select current_setting('request.jwt.claims', true)::json ->> 'sub' $$;
  create function api.my_group() returns int language sql stable
    as $$ select (current_setting('request.jwt.claims', true)::json ->> 'group')::int $$;
  create table api.groups (id int primary key);
  create table api.notes (
    id int primary key,
    owner text not null,
    group_id int references api.groups,
    is_public boolean not null default false,
    body text
  );
  alter table api.notes enable row level security;
  alter table api.groups enable row level security;
  create policy everybody on api.notes for select using (is_public);
  create policy of_the_group on api.notes for select to member using (group_id = api.my_group());
  create policy own on api.notes to member using (owner = api.me()) with check (owner = api.me());
  create policy own_group on api.groups for select to member using (id = api.my_group());
  grant select on api.notes to anon;
  grant select, insert, update, delete on api.notes to member;
  grant select on api.groups to member;
  create function api.whoami() returns json language sql stable
    as $$ select json_build_object('role', current_user, 'me', api.me()) $$;
  create function api.mine() returns setof api.notes language sql stable
    as $$ select * from api.notes where owner = api.me() $$;
  insert into api.groups select generate_series(0, ${GROUPS - 1});
  insert into api.notes select -n, 'nobody', null, true from generate_series(1, 5) n;
  insert into api.notes select -100 - n, 'nobody', n, false from generate_series(0, ${GROUPS - 1}) n;`;

const PUBLIC = [-5, -4, -3, -2, -1];

interface User {
  readonly name: string;
  readonly group: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Ids of the notes this user owns. */
  readonly own: Set<number>;
}

interface Asked {
  readonly status: number;
  readonly body: unknown;
  readonly range: string | null;
}

const sorted = (ids: Iterable<number>) => [...ids].sort((a, b) => a - b);
const idsOf = (body: unknown) => sorted((body as { id: number }[]).map(({ id }) => id));
const visible = (user: User) => sorted([...PUBLIC, -100 - user.group, ...user.own]);

class Crowd {
  readonly kinds: Record<string, number> = {};
  readonly faults: string[] = [];
  readonly users: readonly User[];
  readonly #url: string;
  readonly #rng: SeededRng;
  #nextId = 1;

  constructor(url: string, run: SecurityRun) {
    this.#url = url;
    this.#rng = createSeededRng(run.seed);
    this.users = Array.from({ length: run.users }, (_, at) => userOf(at));
  }

  /** One request of one user, who makes no other meanwhile. */
  async step(user: User): Promise<void> {
    const kind = this.#rng.pick(KINDS);
    this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
    await this[kind](user);
  }

  async list(user: User) {
    const { body } = await this.#ask(user, "GET", "/notes?select=id&order=id");
    this.#same(user, "list", idsOf(body), visible(user));
  }

  async listOfNobody() {
    const response = await fetch(`${this.#url}/notes?select=id`);
    this.#same(null, "list of nobody", idsOf(await response.json()), PUBLIC);
  }

  async count(user: User) {
    const asked = await this.#ask(user, "HEAD", "/notes", { prefer: "count=exact" });
    this.#same(user, "count", asked.range?.split("/")[1], String(visible(user).length));
  }

  async embed(user: User) {
    const { body } = await this.#ask(user, "GET", "/groups?select=id,notes(id)");
    const want = [{ id: user.group, notes: [{ id: -100 - user.group }] }];
    this.#same(user, "embed", body, want);
  }

  async whoami(user: User) {
    const { body } = await this.#ask(user, "GET", "/rpc/whoami");
    this.#same(user, "whoami", body, { role: "member", me: user.name });
  }

  async mine(user: User) {
    const { body } = await this.#ask(user, "POST", "/rpc/mine?select=id", {}, {});
    this.#same(user, "mine", idsOf(body), sorted(user.own));
  }

  async insert(user: User) {
    const id = this.#nextId++;
    const { status } = await this.#ask(user, "POST", "/notes", {}, { id, owner: user.name });
    this.#same(user, "insert", status, 201);
    user.own.add(id);
  }

  async insertForAnother(user: User) {
    const owner = this.#another(user).name;
    const { status } = await this.#ask(user, "POST", "/notes", {}, { id: this.#nextId++, owner });
    this.#same(user, "insert for another", status, 403);
  }

  async insertTwice(user: User) {
    const { status } = await this.#ask(user, "POST", "/notes", {}, { id: -1, owner: user.name });
    this.#same(user, "insert of a key that is there", status, 409);
  }

  async insertAndTakeBack(user: User) {
    const id = this.#nextId++;
    const prefer = "tx=rollback, return=representation";
    const asked = await this.#ask(
      user,
      "POST",
      "/notes?select=id",
      { prefer },
      { id, owner: user.name },
    );
    this.#same(user, "rollback", [asked.status, asked.body], [201, [{ id }]]);
  }

  async update(user: User) {
    const prefer = "return=representation";
    const { body } = await this.#ask(user, "PATCH", "/notes?select=id", { prefer }, { body: "x" });
    this.#same(user, "update of all", idsOf(body), sorted(user.own));
  }

  async remove(user: User) {
    const [id] = user.own;
    if (id === undefined) return;
    const prefer = "return=representation";
    const { body } = await this.#ask(user, "DELETE", `/notes?id=eq.${id}&select=id`, { prefer });
    this.#same(user, "delete", body, [{ id }]);
    user.own.delete(id);
  }

  async removeOfAnother(user: User) {
    const [id = -1] = this.#another(user).own;
    const prefer = "return=representation";
    const { body } = await this.#ask(user, "DELETE", `/notes?id=eq.${id}`, { prefer });
    this.#same(user, "delete of another's", body, []);
  }

  async readOfAnother(user: User) {
    const [id = 0] = this.#another(user).own;
    const { body } = await this.#ask(user, "GET", `/notes?id=eq.${id}`);
    this.#same(user, "read of another's", body, []);
  }

  async fail(user: User) {
    const { status } = await this.#ask(user, "GET", "/notes?id=eq.none");
    this.#same(user, "a request that fails", status, 400);
  }

  #another(user: User): User {
    for (;;) {
      const other = this.#rng.pick(this.users);
      if (other !== user) return other;
    }
  }

  async #ask(
    user: User,
    method: string,
    path: string,
    headers: Record<string, string> = {},
    sent?: unknown,
  ): Promise<Asked> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { ...user.headers, ...headers, "content-type": "application/json" },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
    });
    const text = await response.text();
    const body: unknown = text === "" ? null : JSON.parse(text);
    return { status: response.status, body, range: response.headers.get("content-range") };
  }

  #same(user: User | null, what: string, got: unknown, wanted: unknown): void {
    const [left, right] = [JSON.stringify(got), JSON.stringify(wanted)];
    if (left === right || this.faults.length >= 10) return;
    this.faults.push(`${user?.name ?? "nobody"}, ${what}: got ${left}, should be ${right}`);
  }
}

const KINDS = [
  "list",
  "list",
  "listOfNobody",
  "count",
  "embed",
  "whoami",
  "mine",
  "insert",
  "insert",
  "insertForAnother",
  "insertTwice",
  "insertAndTakeBack",
  "update",
  "remove",
  "removeOfAnother",
  "readOfAnother",
  "fail",
] as const;

function userOf(at: number): User {
  const name = `user-${at}`;
  const group = at % GROUPS;
  const token = hs256({ role: "member", sub: name, group });
  return { name, group, headers: { authorization: `Bearer ${token}` }, own: new Set() };
}

export async function checkRowSecurity(run: SecurityRun): Promise<SecurityResult> {
  const database = run.own ? await openServedDatabase() : await openPlainDatabase();
  await database.sql.unsafe(SCHEMA);
  const server = await database.serve(
    { db_schemas: ["api"], db_tx_end: "commit-allow-override", jwt_secret: SECRET },
    { pool_size: run.connections },
  );
  const crowd = new Crowd(`${server.url}/data/v1`, run);
  const waiting = [...crowd.users];
  let begun = 0;
  const work = async () => {
    while (begun < run.requests) {
      const user = waiting.shift();
      if (user === undefined) throw new Error("more requests at once than users");
      begun += 1;
      if (begun % 1_000 === 0) run.onProgress?.(begun);
      await crowd.step(user);
      waiting.push(user);
    }
  };
  try {
    await Promise.all(Array.from({ length: run.atOnce }, work));
  } finally {
    await server.stop();
    await database.close();
  }
  return { requests: begun, kinds: crowd.kinds, faults: crowd.faults };
}
