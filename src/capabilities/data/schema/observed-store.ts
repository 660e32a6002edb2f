/** The code inside a database that might look at a request's settings (`observed-settings.ts`). */
import type { TransactionSql } from "postgres";
import type { DatabaseCode } from "./catalog-rows.ts";

/** `NOTIFY` channel of the event triggers that tell of every change (`migrations/system`). */
const WATCHED_CHANNEL = "pgrst";
const SET_CONFIG = "pg_catalog.set_config(text, text, boolean)";

/**
 * Texts of functions, and of expressions that call what reads settings or runs SQL from a text. Null
 * where that cannot be known: nobody tells when code changes, or some of it is in a language that
 * nobody here reads. Functions of extensions, and what is ours alone, look at no request and change
 * no settings.
 */
export async function readCode(
  tx: TransactionSql,
  channel: string | null,
): Promise<DatabaseCode | null> {
  if (channel !== WATCHED_CHANNEL) return null;
  const [known] = await tx<{ is_known: boolean; may_share: boolean }[]>`
    select pg_catalog.has_function_privilege('public', ${SET_CONFIG}, 'execute') and not exists (
      select from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhparent
       where c.relkind in ('r', 'p', 'f')
    ) as may_share, (
      select count(*) = 2 from pg_catalog.pg_event_trigger
       where evtname in ('reactor_schema_changed', 'reactor_schema_dropped') and evtenabled in ('O', 'A')
    ) and not exists (
      select from (${functions(tx)}) f where f.language not in ('sql', 'plpgsql')
    ) as is_known`;
  if (!known?.is_known) return null;
  const rows = await tx<{ code: string; is_trigger: boolean }[]>`
    select f.code, f.is_trigger from (${functions(tx)}) f
    union all
    select e.code, false from (${expressions(tx)}) e
     where e.tree ~ (
       select ':(funcid (' || string_agg(oid::text, '|') || ')|relid ' || 'pg_catalog.pg_settings'::regclass::oid || ') '
       from pg_catalog.pg_proc
       where proname ~ '^(dblink|crosstab|connectby)' or pronamespace = 'pg_catalog'::regnamespace
         and proname ~ '^(current_setting|set_config|pg_show_all_settings|query_to_xml.*|cursor_to_xml.*|ts_stat|ts_rewrite|pg_notify|setseed|pg_(try_)?advisory.*|pg_logical_emit_message|lo_.*)$')`;
  const textsOf = (isTrigger: boolean) =>
    rows.filter((row) => row.is_trigger === isTrigger).map(({ code }) => code);
  return { ofTriggers: textsOf(true), others: textsOf(false), mayShare: known.may_share };
}

/** Bodies, with their parameters and what these default to. */
function functions(tx: TransactionSql) {
  return tx`
    select l.lanname as language,
      p.prorettype in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype) as is_trigger,
      coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)
        || E'\n' || pg_catalog.pg_get_function_arguments(p.oid) as code
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_language l on l.oid = p.prolang
    where n.nspname not in ('pg_catalog', 'information_schema', 'reactor') and p.prokind <> 'a'
      and not exists (
        select from pg_catalog.pg_depend d
         where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')`;
}

/** Policies, views and rules, defaults, constraints, conditions of triggers: as parsed, and printed. */
function expressions(tx: TransactionSql) {
  return tx`
    select polqual::text as tree, pg_catalog.pg_get_expr(polqual, polrelid) as code
      from pg_catalog.pg_policy
    union all
    select polwithcheck::text, pg_catalog.pg_get_expr(polwithcheck, polrelid)
      from pg_catalog.pg_policy
    union all
    select r.ev_action::text || r.ev_qual::text, pg_catalog.pg_get_ruledef(r.oid)
      from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
     where c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    union all
    select adbin::text, pg_catalog.pg_get_expr(adbin, adrelid) from pg_catalog.pg_attrdef
    union all
    select conbin::text, pg_catalog.pg_get_expr(conbin, conrelid) from pg_catalog.pg_constraint
    union all
    select tgqual::text,
      pg_catalog.regexp_replace(pg_catalog.pg_get_triggerdef(oid), 'EXECUTE FUNCTION .*$', '')
      from pg_catalog.pg_trigger
    union all
    select typdefaultbin::text, pg_catalog.pg_get_expr(typdefaultbin, 0) from pg_catalog.pg_type`;
}
