/** What `bench/data` asks for: the request, and the SQL that a careful hand would write for it. */
import type { SqlParam } from "../../src/core/ports/database.ts";

export interface DataCase {
  readonly name: string;
  /** Asked by one user after the other, each for their own rows; else by one user. */
  readonly byMany?: true;
  readonly method: "GET" | "POST";
  /** Behind `/data/v1`; `$id` becomes a random number of 1 to `ids`. */
  readonly target: string;
  readonly ids: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly sql: string;
  readonly params: (id: string) => SqlParam[];
}

export const ROWS = 10_000;
const GROUPS = 100;
const CUSTOMERS = 1_000;
const BULK_ROWS = 1_000;

const ENTRY = { title: "a new entry", n: 7 };
const BULK = JSON.stringify(
  Array.from({ length: BULK_ROWS }, (_, at) => ({ title: `entry ${at}`, n: at % 7 })),
);
const MINIMAL = { "Content-Type": "application/json", Prefer: "return=minimal" };

export const CASES: readonly DataCase[] = [
  {
    name: "read by id",
    method: "GET",
    target: "/items?id=eq.$id",
    ids: ROWS,
    headers: {},
    body: null,
    sql: "select coalesce(json_agg(r), '[]')::text from (select * from items where id = $1) r",
    params: (id) => [id],
  },
  {
    name: "read by id, 32 users",
    byMany: true,
    method: "GET",
    target: "/notes?id=eq.$id",
    ids: ROWS,
    headers: {},
    body: null,
    sql: "select coalesce(json_agg(r), '[]')::text from (select * from notes where id = $1) r",
    params: (id) => [id],
  },
  {
    name: "list 20, filter, count=exact",
    method: "GET",
    target: "/items?n=eq.$id&order=id&limit=20",
    ids: GROUPS - 1,
    headers: { Prefer: "count=exact" },
    body: null,
    sql: `select coalesce(json_agg(r), '[]')::text, (select count(*) from items where n = $1)
      from (select * from items where n = $1 order by id limit 20) r`,
    params: (id) => [id],
  },
  {
    name: "embed two levels",
    method: "GET",
    target: "/customers?id=eq.$id&select=id,name,orders(id,status,lines(id,product,quantity))",
    ids: CUSTOMERS,
    headers: {},
    body: null,
    sql: `select coalesce(json_agg(r), '[]')::text from (
      select c.id, c.name, o.orders from customers c, lateral (
        select coalesce(json_agg(x), '[]') as orders from (
          select o.id, o.status, l.lines from orders o, lateral (
            select coalesce(json_agg(y), '[]') as lines from (
              select l.id, l.product, l.quantity from lines l where l.order_id = o.id) y) l
          where o.customer_id = c.id) x) o
      where c.id = $1) r`,
    params: (id) => [id],
  },
  {
    name: "insert one, return=minimal",
    method: "POST",
    target: "/entries",
    ids: 1,
    headers: MINIMAL,
    body: JSON.stringify(ENTRY),
    sql: "insert into entries (title, n) values ($1, $2)",
    params: () => [ENTRY.title, String(ENTRY.n)],
  },
  {
    name: "insert 1,000, return=minimal",
    method: "POST",
    target: "/entries",
    ids: 1,
    headers: MINIMAL,
    body: BULK,
    sql: `insert into entries (title, n)
      select title, n from json_to_recordset($1) as r (title text, n int)`,
    params: () => [BULK],
  },
];

/**
 * Every table with row security that asks who the caller is. All rows are the first user's, but for
 * `notes`: those are the users' in turn, by their ids.
 */
export function setupSql(users: readonly string[]): string {
  const tables = ["items", "notes", "customers", "orders", "lines", "entries"];
  const [owner] = users;
  return `
    create table items (id int primary key, owner uuid not null, title text not null, n int not null);
    create table notes (id int primary key, owner uuid not null, title text not null, n int not null);
    create table customers (id int primary key, owner uuid not null, name text not null);
    create table orders (id int primary key, customer_id int not null references customers,
      owner uuid not null, status text not null);
    create table lines (id int primary key, order_id int not null references orders,
      owner uuid not null, product text not null, quantity int not null);
    create table entries (id bigint generated always as identity primary key,
      owner uuid not null default auth.uid(), title text not null, n int not null);
    insert into items select i, '${owner}', 'item ' || i, i % ${GROUPS} from generate_series(1, ${ROWS}) i;
    insert into notes select i, (array['${users.join("','")}'])[1 + i % ${users.length}]::uuid, 'note ' || i, i
      from generate_series(1, ${ROWS}) i;
    insert into customers select i, '${owner}', 'customer ' || i from generate_series(1, ${CUSTOMERS}) i;
    insert into orders select i, 1 + i % ${CUSTOMERS}, '${owner}', 'open' from generate_series(1, ${CUSTOMERS * 5}) i;
    insert into lines select i, 1 + i % ${CUSTOMERS * 5}, '${owner}', 'product ' || i % 50, i % 9
      from generate_series(1, ${CUSTOMERS * 15}) i;
    create index on items (n);
    create index on orders (customer_id);
    create index on lines (order_id);
    ${tables
      .map(
        (table) => `alter table ${table} enable row level security;
        create policy own on ${table} using (owner = (select auth.uid()))
          with check (owner = (select auth.uid()));`,
      )
      .join("\n")}`;
}
