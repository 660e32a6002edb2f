/** SQL of the admin's list of people. */
import type { Sql } from "postgres";
import type { UserRow } from "../schema.ts";

/** Null = whatever. */
export interface UserFilter {
  /** Part of an address, a number or a name, in any case; or a whole id. */
  readonly text: string | null;
  /** The id that `text` is, when it is one. */
  readonly id: string | null;
  readonly provider: string | null;
  readonly role: string | null;
  readonly banned: boolean | null;
  readonly confirmed: boolean | null;
  readonly anonymous: boolean | null;
  readonly deleted: boolean | null;
  readonly createdAfter: Date | null;
  readonly createdBefore: Date | null;
}

export const USER_SORTS = ["created_at", "updated_at", "last_sign_in_at", "email"] as const;

export interface UserSort {
  readonly column: (typeof USER_SORTS)[number];
  readonly descending: boolean;
}

export interface UserPage {
  readonly users: readonly UserRow[];
  readonly total: number;
}

/** @param now what bans are compared with. */
export async function listUsers(
  sql: Sql,
  filter: UserFilter,
  sort: UserSort,
  page: { readonly limit: number; readonly offset: number },
  now: Date,
): Promise<UserPage> {
  const where = conditions(sql, filter, now).reduce(
    (all, one) => sql`${all} and ${one}`,
    sql`true`,
  );
  const direction = sort.descending ? sql`desc nulls last` : sql`asc nulls last`;
  const users = await sql<UserRow[]>`
    select * from auth.users where ${where}
    order by ${sql(sort.column)} ${direction}, id limit ${page.limit} offset ${page.offset}`;
  const [count] = await sql<{ total: number }[]>`
    select count(*)::float8 as total from auth.users where ${where}`;
  return { users: [...users], total: count?.total ?? 0 };
}

function conditions(sql: Sql, filter: UserFilter, now: Date) {
  const { text, provider } = filter;
  const given = (value: boolean | null, condition: ReturnType<typeof sql>) =>
    value === null ? [] : [value ? condition : sql`not (${condition})`];
  return [
    ...(text === null ? [] : [textCondition(sql, text, filter.id)]),
    ...(provider === null
      ? []
      : [
          sql`exists (select 1 from auth.identities i
            where i.user_id = auth.users.id and i.provider = ${provider})`,
        ]),
    ...(filter.role === null ? [] : [sql`role = ${filter.role}`]),
    ...given(filter.banned, sql`coalesce(banned_until > ${now}, false)`),
    ...given(filter.confirmed, sql`confirmed_at is not null`),
    ...given(filter.anonymous, sql`is_anonymous`),
    ...given(filter.deleted, sql`deleted_at is not null`),
    ...(filter.createdAfter === null ? [] : [sql`created_at >= ${filter.createdAfter}`]),
    ...(filter.createdBefore === null ? [] : [sql`created_at < ${filter.createdBefore}`]),
  ];
}

/** By position, not by pattern: `%` and `_` in what is looked for are letters like any other. */
function textCondition(sql: Sql, text: string, id: string | null) {
  const places = ["email", "phone"].map((name) => sql`coalesce(${sql(name)}, '')`);
  const names = ["full_name", "name"].map(
    (name) => sql`coalesce(raw_user_meta_data ->> ${name}, '')`,
  );
  const byText = [...places, ...names]
    .map((place) => sql`position(lower(${text}) in lower(${place})) > 0`)
    .reduce((all, one) => sql`${all} or ${one}`);
  return id === null ? sql`(${byText})` : sql`(${byText} or id = ${id})`;
}
