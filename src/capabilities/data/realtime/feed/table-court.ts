/**
 * Judges the changes of one table in one batch: for each, which of the candidates get it. What rights
 * do not decide row by row is asked once for all; where policies decide, one query per identity, none
 * per subscriber.
 */
import type { Principal } from "../../../../core/ports/auth.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Table } from "../../schema/schema.ts";
import type { Case } from "./case.ts";
import { passesFilters } from "./filter-cases.ts";
import type { Identity } from "./identities.ts";
import type { Caller, JudgeQueries } from "./judge-queries.ts";
import { readPolicies } from "./judge-store.ts";
import type { TablePolicies } from "./policies.ts";
import { readVersionsNow } from "./reference.ts";
import { renderRows } from "./render-rows.ts";
import { askRoleFacts } from "./role-facts.ts";
import { policySql, rowJson } from "./row-sql.ts";
import { type Selected, selectRows } from "./select-rows.ts";
import type { Subscription } from "./subscription.ts";
import type { RoleFacts, TableFacts } from "./table-facts.ts";
import { visibleVersions } from "./visible-rows.ts";

export interface CourtOptions {
  readonly table: Table;
  readonly facts: TableFacts;
  /** `require_rls`: rows that no policy guards are told only to roles that bypass row security. */
  readonly requireRls: boolean;
  bypassesRls(role: string): boolean;
  readonly queries: JudgeQueries;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export class TableCourt {
  readonly #options: CourtOptions;
  readonly #roles = new Map<string, RoleFacts | null>();
  readonly #policies = new Map<string, Promise<TablePolicies>>();

  constructor(options: CourtOptions) {
    this.#options = options;
  }

  get table(): Table {
    return this.#options.table;
  }

  get facts(): TableFacts {
    return this.#options.facts;
  }

  /** Null when the role may not read the table at all. */
  rightsOf({ principal }: Identity): RoleFacts | null {
    return this.#roles.get(principal.role) ?? null;
  }

  /** Leaves in each case's `candidates` those who get it, or to whom it is a gap. */
  async judge(all: readonly Case[]): Promise<void> {
    await this.#askRoles(all);
    for (const one of all) one.keep(({ identity }) => this.#mayRead(identity));
    const cases = all.filter(({ change }) => change.type !== "GAP");
    const judged = cases.filter((one) => one.row !== null && one.candidates.some(this.#isJudged));
    const incomplete = cases.filter((one) => one.row?.values.includes(undefined) === true);
    await readVersionsNow(new Set([...judged, ...incomplete]), this.#options);
    for (const one of cases) this.#dropUndisclosed(one);
    await Promise.all([
      renderRows(this.table, cases, this.#options.queries),
      passesFilters(cases, this),
      this.#judgeIdentities(judged),
    ]);
  }

  /** Names of the columns of the old row that are known and may be told. */
  oldColumns(one: Case, { isJudged, columns }: RoleFacts): ReadonlySet<string> {
    const { keyColumns } = this.facts;
    // Of a row that is gone nobody can say who might have seen it: only what names it is told.
    const names =
      isJudged || one.old === null ? keyColumns : one.change.shape.columns.map(({ name }) => name);
    const source = one.old ?? one.row;
    return new Set(names.filter((name) => columns.has(name) && source?.text(name) !== undefined));
  }

  get queries(): JudgeQueries {
    return this.#options.queries;
  }

  #caller(principal: Principal): Caller {
    return { principal, schema: this.table.schema };
  }

  async #askRoles(cases: readonly Case[]): Promise<void> {
    const { facts, log, queries } = this.#options;
    const asking = new Map<string, Subscription>();
    for (const one of cases) {
      for (const candidate of one.candidates) asking.set(candidate.principal.role, candidate);
    }
    await Promise.all(
      [...asking].map(async ([role, { principal }]) => {
        try {
          this.#roles.set(role, await askRoleFacts(queries, this.#caller(principal), facts.oid));
        } catch (error) {
          this.#options.signal.throwIfAborted();
          log.warn("realtime.role_refused", { role, error });
          this.#roles.set(role, null);
        }
      }),
    );
  }

  #mayRead(identity: Identity): boolean {
    const rights = this.rightsOf(identity);
    if (!rights || rights.columns.size === 0) return false;
    const { requireRls, bypassesRls } = this.#options;
    return rights.isGuarded || !requireRls || bypassesRls(identity.principal.role);
  }

  readonly #isJudged = ({ identity }: Subscription): boolean =>
    this.rightsOf(identity)?.isJudged === true;

  /** A delete of which nothing may be told, to those who could never have seen the row. */
  #dropUndisclosed(one: Case): void {
    if (one.change.type !== "DELETE") return;
    one.keep(({ identity }) => {
      const rights = this.rightsOf(identity);
      if (!rights?.readsSome || !one.old) return false;
      return this.oldColumns(one, rights).size > 0;
    });
  }

  async #judgeIdentities(cases: readonly Case[]): Promise<void> {
    const byIdentity = new Map<Identity, Case[]>();
    for (const one of cases) {
      for (const identity of new Set(
        one.candidates.filter(this.#isJudged).map((c) => c.identity),
      )) {
        const list = byIdentity.get(identity) ?? [];
        byIdentity.set(identity, list);
        list.push(one);
      }
    }
    await Promise.all([...byIdentity].map(([identity, own]) => this.#judgeIdentity(identity, own)));
  }

  async #judgeIdentity(identity: Identity, cases: readonly Case[]): Promise<void> {
    const { facts, table, queries } = this.#options;
    const withVersion = this.rightsOf(identity)?.selectsAll === true;
    const options = { table, keyColumns: facts.keyColumns, withVersion, queries };
    const visible = await visibleVersions(identity, cases, options);
    const isCurrent = (one: Case) =>
      one.version?.isSame === true && one.version.id === visible.rows.get(one)?.[1];
    const changed = cases.filter((one) => visible.rows.has(one) && !isCurrent(one));
    const allowed = await this.#allowedByPolicy(identity, changed);
    for (const one of cases) {
      const failure = visible.failed.get(one) ?? allowed.failed.get(one);
      const isSeen = visible.rows.has(one) && (isCurrent(one) || allowed.rows.has(one));
      this.#settle(one, identity, isSeen, failure ?? null);
    }
  }

  /** The row of the change itself, which is not the one that is stored now. */
  async #allowedByPolicy(identity: Identity, cases: readonly Case[]): Promise<Selected<Case>> {
    const { facts, table, queries } = this.#options;
    if (cases.length === 0) return { rows: new Map(), failed: new Map() };
    const policies = await this.#policiesOf(identity.principal.role);
    const sql = policySql(table, policies, facts.generated);
    return await selectRows(cases, (some) => {
      const rows = some.map((one) => (one.row ? rowJson(table, one.change, one.row.values) : "{}"));
      return queries.asCaller(this.#caller(identity.principal), sql, [`[${rows.join(",")}]`]);
    });
  }

  /** Asked once for all identities of a role. */
  #policiesOf(role: string): Promise<TablePolicies> {
    const { facts, queries } = this.#options;
    const known = this.#policies.get(role);
    if (known) return known;
    const policies = queries.withOwner(({ system }) => readPolicies(system, facts.oid, role));
    this.#policies.set(role, policies);
    return policies;
  }

  #settle(one: Case, identity: Identity, isSeen: boolean, failure: { code: string } | null): void {
    const own = one.candidates.filter((candidate) => candidate.identity === identity);
    // What the role may not even ask is out of its sight.
    const isRefused = failure?.code === "42501";
    if (failure && !isRefused) {
      one.fail(own, "row security could not be evaluated");
      this.#options.log.warn("realtime.policy_failed", { table: this.table.name, error: failure });
    }
    if (isRefused || !(isSeen || failure)) {
      one.keep((candidate) => candidate.identity !== identity);
    }
  }
}
