/** Somebody as whom statements run: a role, or an account with the claims of its tokens. */
import type { Sql } from "postgres";
import { defineErrors } from "../../../core/errors.ts";

export interface Person {
  readonly role: string;
  /** JSON. */
  readonly claims: string;
  readonly userId: string | null;
}

const errors = defineErrors({
  sql_person_unknown: (name: string) => ({
    status: 404,
    message: `There is no role and no account '${name}'`,
    hint: "Give a role as `anon`, or an account's id or e-mail address",
  }),
});

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws sql_person_unknown */
export async function readPerson(sql: Sql, name: string): Promise<Person> {
  const [role] = await sql<{ name: string }[]>`
    select rolname as name from pg_catalog.pg_roles where rolname = ${name}`;
  if (role) return { role: role.name, claims: JSON.stringify({ role: role.name }), userId: null };
  const user = (await hasAccounts(sql)) ? await findUser(sql, name) : undefined;
  if (!user) throw errors.sql_person_unknown(name);
  return { role: user.role, claims: JSON.stringify(user.claims), userId: user.id };
}

/** A database that is not ours has none. */
async function hasAccounts(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ found: boolean }[]>`
    select pg_catalog.to_regclass('auth.users') is not null as found`;
  return row?.found === true;
}

async function findUser(sql: Sql, name: string) {
  const id = UUID.test(name) ? name : null;
  const [user] = await sql<{ id: string; role: string; claims: Record<string, unknown> }[]>`
    select id::text, role::text, json_build_object(
      'sub', id, 'role', role, 'aud', aud, 'email', coalesce(email, ''), 'phone', coalesce(phone, ''),
      'app_metadata', coalesce(raw_app_meta_data, '{}'), 'user_metadata', coalesce(raw_user_meta_data, '{}'),
      'is_anonymous', is_anonymous) as claims
    from auth.users
    where id = ${id}::uuid or (${id}::uuid is null and lower(email) = lower(${name}))
    limit 1`;
  return user;
}

/** As every request of theirs begins, for the open transaction. */
export function becomeStatements({
  role,
  claims,
  userId,
}: Person): { sql: string; params: string[] }[] {
  const set = (name: string, value: string) => ({
    sql: "select pg_catalog.set_config($1::text, $2::text, true)",
    params: [name, value],
  });
  return [
    set("request.jwt.claims", claims),
    ...(userId === null ? [] : [set("request.jwt.claim.sub", userId)]),
    set("role", role),
  ];
}
