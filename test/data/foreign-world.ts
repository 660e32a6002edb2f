/** A database that has never heard of Reactor, and a login that owns nothing in it. */
import postgres, { type Sql } from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";

export const LOGIN = "web_login";

/** Roles belong to the whole cluster, so they may be there from another test. */
const ROLES = `
  do $$ begin
    if not exists (select from pg_roles where rolname = '${LOGIN}') then
      create role ${LOGIN} login noinherit password 'web''s password';
      create role web_anon nologin;
      create role web_user nologin;
      grant web_anon, web_user to ${LOGIN};
    end if;
  end $$`;

const TABLES = `
  create schema api;
  grant usage on schema api to web_anon, web_user;
  create table api.films (id int primary key, title text not null);
  insert into api.films values (1, 'Metropolis'), (2, 'Solaris');
  grant select on api.films to web_anon;
  grant all on api.films to web_user;
  create function api.setting(name text) returns text language sql stable
    as $$ select current_setting(name, true) $$;
  create function api.nap(seconds float) returns text language sql volatile
    as $$ select 'awake' from (select pg_sleep(seconds)) as slept $$;`;

/** Everything that whoever works on a database might leave behind. */
const LEFT_BEHIND = `
  select json_build_object(
    'relations', (select json_agg(oid::int order by oid) from pg_class where relpersistence <> 't'),
    'functions', (select json_agg(oid::int order by oid) from pg_proc),
    'schemas', (select json_agg(nspname order by oid) from pg_namespace where nspname !~ '^pg_(toast_)?temp'),
    'types', (select json_agg(oid::int order by oid) from pg_type),
    'triggers', (select json_agg(oid::int order by oid) from pg_trigger),
    'event_triggers', (select json_agg(evtname) from pg_event_trigger),
    'extensions', (select json_agg(extname) from pg_extension),
    'publications', (select json_agg(pubname) from pg_publication),
    'policies', (select json_agg(polname) from pg_policy),
    'settings', (select json_agg(setconfig) from pg_db_role_setting
      where setdatabase = (select oid from pg_database where datname = current_database())),
    'grants', (select json_agg(relacl::text order by oid) from pg_class)
  ) as found`;

export interface ForeignWorld {
  /** As whoever owns the database. */
  readonly sql: Sql;
  /** What there is in it now. */
  found(): Promise<unknown>;
  close(): Promise<void>;
}

/** @param ownerUrl of an empty database. */
export async function openForeignWorld(ownerUrl: string): Promise<ForeignWorld> {
  const sql = postgres({
    ...postgresJsOptions(parseDatabaseUrl(ownerUrl)),
    max: 2,
    onnotice: () => undefined,
  });
  await sql.unsafe(ROLES);
  await sql.unsafe(TABLES);
  return {
    sql,
    async found() {
      const [row] = await sql.unsafe<{ found: unknown }[]>(LEFT_BEHIND);
      return row?.found;
    },
    close: () => sql.end({ timeout: 5 }),
  };
}

/** The same database as the login sees it. */
export function asLogin(ownerUrl: string): string {
  return ownerUrl.replace(/^(postgres(?:ql)?:\/\/)[^@/]*@/, `$1${LOGIN}@`);
}
