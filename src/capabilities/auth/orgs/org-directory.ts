/**
 * In which organisation a caller acts. An access token tells its default one, and is believed without
 * a read of the database, until that person's place changed after it was issued: changes are told to
 * every server, and older tokens are then read anew. Any other organisation is looked up, and what
 * was found is kept for less than a second: whoever was removed is out within that time.
 */
import type { Sql, TransactionSql } from "postgres";
import { coreErrors } from "../../../core/errors.ts";
import type { Principal } from "../../../core/ports/auth.ts";
import type { Bus } from "../../../core/ports/bus.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { actInClaimedOrg } from "../../../shared/auth/act-in-org.ts";
import type { Orgs } from "../../../shared/auth/create-local-auth.ts";
import { publishWith } from "../../../shared/bus/publish-with.ts";
import { LruMap } from "../../../shared/lru-map.ts";
import { PerTenant } from "../../../shared/per-tenant.ts";
import { ChangedPeople } from "./changed-people.ts";
import { FACTS_MAX, orgClaims, withOrgClaims } from "./org-claims.ts";
import type { OrgFacts } from "./schema.ts";
import { createOrgStore } from "./store.ts";

export interface OrgDirectoryOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  sql(tenant: TenantCtx): Sql;
  /** Lifetime of access tokens, milliseconds: how long a change matters. */
  readonly tokenTtlMs: number;
}

export interface OrgDirectory extends Orgs {
  /** Tells every server, at the commit of `tx`, that older tokens of these people are out of date. */
  tell(tenant: TenantCtx, tx: TransactionSql, userIds: readonly string[], at: Date): Promise<void>;
  /** The person's organisations, at most `KEPT_MS` old. */
  factsOf(tenant: TenantCtx, userId: string): Promise<readonly OrgFacts[]>;
  close(): Promise<void>;
}

/** With one round trip to the database less than a second. */
const KEPT_MS = 800;
const PEOPLE_MAX = 10_000;

interface Kept {
  readonly at: number;
  readonly facts: Promise<readonly OrgFacts[]>;
}

export function createOrgDirectory(options: OrgDirectoryOptions): OrgDirectory {
  const { clock, bus, sql } = options;
  const kept = new PerTenant(() => new LruMap<string, Kept>(PEOPLE_MAX));
  const changed = new PerTenant(
    (tenant) =>
      new ChangedPeople({ ...options, tenant, onChange: (id) => kept.of(tenant).delete(id) }),
  );

  const factsOf = (tenant: TenantCtx, userId: string) => {
    const people = kept.of(tenant);
    const known = people.get(userId);
    if (known && clock.monotonic() < known.at + KEPT_MS) return known.facts;
    const facts = createOrgStore(sql(tenant)).factsOf(userId, FACTS_MAX);
    people.set(userId, { at: clock.monotonic(), facts });
    facts.catch(() => people.delete(userId));
    return facts;
  };

  const readAnew = async (
    tenant: TenantCtx,
    principal: Principal,
    userId: string,
    org: string | null,
  ): Promise<Principal> => {
    const facts = await factsOf(tenant, userId).catch((error: unknown) => {
      throw coreErrors.unavailable("Authentication", error);
    });
    const active = org === null ? null : find(facts, org);
    const claims = withOrgClaims(principal.claims, orgClaims(facts, active));
    const keepMs = Math.min(principal.keepMs ?? KEPT_MS, KEPT_MS);
    return Object.freeze({ ...principal, claims, keepMs });
  };

  return {
    factsOf,
    actIn(tenant, principal, org) {
      const { userId, keyId } = principal;
      if (userId === null) return org === null ? principal : actInClaimedOrg(principal, org);
      if (org !== null) return readAnew(tenant, principal, userId, org);
      // What a key says was read from the database when it was verified.
      if (keyId !== undefined) return principal;
      const outdated = changed.of(tenant).isOutdated(principal, userId);
      if (!(outdated instanceof Promise)) {
        return outdated ? readAnew(tenant, principal, userId, null) : principal;
      }
      return outdated.then((is) => (is ? readAnew(tenant, principal, userId, null) : principal));
    },
    async tell(tenant, tx, userIds, at) {
      for (const part of ChangedPeople.messages(userIds, at)) {
        await publishWith(bus, tenant, tx, ChangedPeople.TOPIC, part);
      }
    },
    async close() {
      for (const one of changed.values()) await one.close();
    },
  };
}

/** @throws org_forbidden */
function find(facts: readonly OrgFacts[], org: string): OrgFacts {
  const wanted = org.toLowerCase();
  const found = facts.find((one) => one.org_id === wanted || one.slug === wanted);
  if (!found) throw coreErrors.org_forbidden();
  return found;
}
