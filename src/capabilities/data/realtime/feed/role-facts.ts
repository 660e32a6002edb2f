/** Asks, as the caller, what the role may do with a table. Kept for a moment: changes come in bursts. */
import type { Principal } from "../../../../core/ports/auth.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { JudgeQueries } from "./judge-queries.ts";
import type { RoleFacts } from "./table-facts.ts";

/** How long a right that was taken away may still count. */
const KEPT_MS = 1_000;

/** `$1` = oid of the table. */
const SQL = `
  select c.relrowsecurity, pg_catalog.row_security_active(c.oid),
    pg_catalog.has_table_privilege(c.oid, 'select'),
    exists (
      select from pg_catalog.pg_policy p
      where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('r', '*')
        and (p.polroles @> '{0}'::pg_catalog.oid[] or exists (
          select from pg_catalog.unnest(p.polroles) as r(oid)
          where pg_catalog.pg_has_role(r.oid, 'USAGE')))
    ),
    (select pg_catalog.json_agg(a.attname order by a.attnum)
     from pg_catalog.pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       and pg_catalog.has_column_privilege(c.oid, a.attnum, 'select'))
  from pg_catalog.pg_class c where c.oid = $1::pg_catalog.oid`;

interface Kept {
  readonly facts: Promise<RoleFacts>;
  readonly atMs: number;
  readonly version: number;
}

export class RoleFactsCache {
  readonly #queries: JudgeQueries;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(queries: JudgeQueries, clock: Clock) {
    this.#queries = queries;
    this.#clock = clock;
  }

  /** @param version of the schema: what changed with it is asked anew. @throws PgError */
  get(principal: Principal, tableOid: number, version: number): Promise<RoleFacts> {
    const key = `${tableOid} ${principal.role}`;
    const nowMs = this.#clock.monotonic();
    const known = this.#kept.get(key);
    if (known && known.version === version && nowMs - known.atMs < KEPT_MS) return known.facts;
    const facts = this.#ask(principal, tableOid);
    this.#kept.set(key, { facts, atMs: nowMs, version });
    facts.catch(() => this.#kept.delete(key));
    return facts;
  }

  async #ask(principal: Principal, tableOid: number): Promise<RoleFacts> {
    const [row] = await this.#queries.asCaller(principal, SQL, [String(tableOid)]);
    const [isGuarded, isJudged, selectsAll, readsSome, columns] = row ?? [];
    return {
      isGuarded: isGuarded === "t",
      isJudged: isJudged === "t",
      selectsAll: selectsAll === "t",
      readsSome: isJudged !== "t" || readsSome === "t",
      columns: new Set(columns ? (JSON.parse(columns) as string[]) : []),
    };
  }
}
