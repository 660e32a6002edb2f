/**
 * All SQL of organisations, their members, roles and teams; invitations are in
 * `invitation-store.ts`. Changes are made under the lock that `lockOrg` takes, so that what was
 * checked (the last owner, who may give which role) still holds when it is written.
 */
import type { Sql, TransactionSql } from "postgres";
import type { JsonObject } from "../schema.ts";
import type { MemberRow, OrgFacts, OrgRow, OwnOrgRow, RoleRow, TeamRow } from "./schema.ts";

type Executor = Sql | TransactionSql;

export type OrgStore = ReturnType<typeof createOrgStore>;

export function createOrgStore(sql: Executor) {
  return { ...orgQueries(sql), ...memberQueries(sql), ...roleQueries(sql), ...teamQueries(sql) };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function orgQueries(sql: Executor) {
  const byRef = (ref: string) => (UUID.test(ref) ? sql`id = ${ref}` : sql`slug = ${ref}`);
  return {
    async findOrg(ref: string) {
      const [row] = await sql<OrgRow[]>`select * from auth.orgs where ${byRef(ref)}`;
      return row ?? null;
    },
    /** Whoever changes an organisation waits here for whoever does. */
    async lockOrg(ref: string) {
      const [row] = await sql<OrgRow[]>`select * from auth.orgs where ${byRef(ref)} for update`;
      return row ?? null;
    },
    /** Those that a person belongs to, in one order for everybody. */
    async lockOrgsOf(userId: string) {
      await sql`
        select 1 from auth.orgs o join auth.memberships m on m.org_id = o.id
        where m.user_id = ${userId} order by o.id for update of o`;
    },
    /** Slugs of those that have other members, but no other owner; at most ten. */
    async ownedAlone(userId: string) {
      const others = sql`
        select 1 from auth.memberships x join auth.users u on u.id = x.user_id
        where x.org_id = m.org_id and x.user_id <> m.user_id and u.deleted_at is null`;
      const rows = await sql<{ slug: string }[]>`
        select o.slug from auth.memberships m join auth.orgs o on o.id = m.org_id
        where m.user_id = ${userId} and m.role = 'owner'
          and exists (${others}) and not exists (${others} and x.role = 'owner')
        order by o.slug limit 10`;
      return rows.map(({ slug }) => slug);
    },
    /** Null when the slug is taken. */
    async insertOrg(org: OrgRow & { readonly created_by: string | null }) {
      const [row] = await sql<OrgRow[]>`
        insert into auth.orgs (id, slug, name, metadata, created_by, created_at, updated_at)
        values (${org.id}, ${org.slug}, ${org.name}, ${sql.json(org.metadata)}, ${org.created_by},
          ${org.created_at}, ${org.updated_at})
        on conflict do nothing returning *`;
      return row ?? null;
    },
    /** Null when the slug is taken. */
    async updateOrg(id: string, next: Pick<OrgRow, "slug" | "name" | "metadata">, now: Date) {
      const [taken] = await sql`
        select 1 from auth.orgs where slug = ${next.slug} and id <> ${id}`;
      if (taken) return null;
      const [row] = await sql<OrgRow[]>`
        update auth.orgs set slug = ${next.slug}, name = ${next.name},
          metadata = ${sql.json(next.metadata as JsonObject)}, updated_at = ${now}
        where id = ${id} returning *`;
      return row ?? null;
    },
    async deleteOrg(id: string) {
      await sql`delete from auth.orgs where id = ${id}`;
    },
    /** The organisations of a person, oldest membership first; at most `limit`. */
    async orgsOf(userId: string, limit: number) {
      return sql<OwnOrgRow[]>`
        select o.*, m.role, r.permissions, m.is_default
        from auth.memberships m
        join auth.orgs o on o.id = m.org_id
        left join auth.org_roles r on r.org_id = m.org_id and r.name = m.role
        where m.user_id = ${userId} order by m.created_at, o.id limit ${limit}`;
    },
    /** For the secret key: all of them by slug, after `after`. */
    async allOrgs(after: string, limit: number) {
      return sql<OrgRow[]>`
        select * from auth.orgs where slug > ${after} order by slug limit ${limit}`;
    },
    async countOrgsMadeBy(userId: string) {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from auth.orgs where created_by = ${userId}`;
      return row?.count ?? 0;
    },
    /** What tokens tell: the default first, then the oldest. At most `limit`. */
    async factsOf(userId: string, limit: number) {
      return sql<OrgFacts[]>`
        select m.org_id, o.slug, m.role, r.permissions, m.is_default,
          array(
            select t.team_id::text from auth.team_members t
            where t.org_id = m.org_id and t.user_id = m.user_id order by t.team_id
          ) as teams
        from auth.memberships m
        join auth.orgs o on o.id = m.org_id
        left join auth.org_roles r on r.org_id = m.org_id and r.name = m.role
        where m.user_id = ${userId}
        order by m.is_default desc, m.created_at, m.org_id limit ${limit}`;
    },
    /** Older access tokens of these people no longer say where they belong. */
    async noteChanges(userIds: readonly string[], now: Date) {
      await sql`
        insert into auth.org_changes (user_id, changed_at)
        select id, ${now} from unnest(${sql.array([...userIds])}::uuid[]) as id order by id
        on conflict (user_id) do update set changed_at = greatest(
          auth.org_changes.changed_at, excluded.changed_at)`;
    },
    async changesSince(since: Date) {
      return sql<{ user_id: string; changed_at: Date }[]>`
        select user_id, changed_at from auth.org_changes where changed_at >= ${since}
        order by changed_at`;
    },
    async purgeChanges(before: Date) {
      const { count } = await sql`delete from auth.org_changes where changed_at < ${before}`;
      return count;
    },
  };
}

function memberQueries(sql: Executor) {
  const columns = sql`m.user_id, u.email, m.role, m.is_default, m.created_at, m.updated_at`;
  return {
    async findMember(orgId: string, userId: string) {
      const [row] = await sql<MemberRow[]>`
        select ${columns} from auth.memberships m join auth.users u on u.id = m.user_id
        where m.org_id = ${orgId} and m.user_id = ${userId}`;
      return row ?? null;
    },
    /** By id, after `after`. */
    async membersOf(orgId: string, after: string | null, limit: number) {
      return sql<MemberRow[]>`
        select ${columns} from auth.memberships m join auth.users u on u.id = m.user_id
        where m.org_id = ${orgId} and (${after}::uuid is null or m.user_id > ${after}::uuid)
        order by m.user_id limit ${limit}`;
    },
    async memberIds(orgId: string, role: string | null) {
      const rows = await sql<{ user_id: string }[]>`
        select user_id from auth.memberships
        where org_id = ${orgId} and (${role}::text is null or role = ${role})`;
      return rows.map((row) => row.user_id);
    },
    async countMembers(orgId: string, role: string | null) {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from auth.memberships m
        join auth.users u on u.id = m.user_id and u.deleted_at is null
        where m.org_id = ${orgId} and (${role}::text is null or m.role = ${role})`;
      return row?.count ?? 0;
    },
    /** False when the person is a member already. The first organisation becomes the default one. */
    async insertMember(orgId: string, userId: string, role: string, now: Date) {
      const { count } = await sql`
        insert into auth.memberships (org_id, user_id, role, is_default, created_at, updated_at)
        select ${orgId}, ${userId}, ${role},
          not exists (select from auth.memberships where user_id = ${userId} and is_default),
          ${now}, ${now}
        on conflict (org_id, user_id) do nothing`;
      return count > 0;
    },
    async setRole(orgId: string, userId: string, role: string, now: Date) {
      await sql`
        update auth.memberships set role = ${role}, updated_at = ${now}
        where org_id = ${orgId} and user_id = ${userId}`;
    },
    async deleteMember(orgId: string, userId: string) {
      await sql`delete from auth.memberships where org_id = ${orgId} and user_id = ${userId}`;
    },
    /** False when the person is not in it. */
    async setDefault(orgId: string, userId: string, now: Date) {
      const [member] = await sql`
        select 1 from auth.memberships where org_id = ${orgId} and user_id = ${userId}`;
      if (!member) return false;
      await sql`
        update auth.memberships set is_default = false, updated_at = ${now}
        where user_id = ${userId} and is_default and org_id <> ${orgId}`;
      await sql`
        update auth.memberships set is_default = true, updated_at = ${now}
        where user_id = ${userId} and org_id = ${orgId}`;
      return true;
    },
    /** What one person is somewhere, another becomes there too, with the teams; the first is left. */
    async mergeMemberships(from: string, to: string, now: Date) {
      await sql`
        insert into auth.memberships (org_id, user_id, role, created_at, updated_at)
        select org_id, ${to}, role, created_at, ${now} from auth.memberships where user_id = ${from}
        on conflict (org_id, user_id) do update set updated_at = excluded.updated_at,
          role = case when excluded.role = 'owner' then 'owner' else auth.memberships.role end`;
      await sql`
        update auth.team_members t set user_id = ${to}
        where user_id = ${from} and not exists (
          select 1 from auth.team_members o where o.team_id = t.team_id and o.user_id = ${to})`;
    },
    /** Of an account that is emptied. */
    async leaveAll(userId: string) {
      const rows = await sql<{ org_id: string }[]>`
        delete from auth.memberships where user_id = ${userId} returning org_id`;
      return rows.map((row) => row.org_id);
    },
  };
}

function roleQueries(sql: Executor) {
  return {
    async rolesOf(orgId: string) {
      return sql<RoleRow[]>`select * from auth.org_roles where org_id = ${orgId} order by name`;
    },
    async findRole(orgId: string, name: string) {
      const [row] = await sql<RoleRow[]>`
        select * from auth.org_roles where org_id = ${orgId} and name = ${name}`;
      return row ?? null;
    },
    async putRole(
      orgId: string,
      role: Pick<RoleRow, "name" | "description" | "permissions">,
      now: Date,
    ) {
      const [row] = await sql<RoleRow[]>`
        insert into auth.org_roles (org_id, name, description, permissions, created_at, updated_at)
        values (${orgId}, ${role.name}, ${role.description}, ${sql.array([...role.permissions])},
          ${now}, ${now})
        on conflict (org_id, name) do update set description = excluded.description,
          permissions = excluded.permissions, updated_at = excluded.updated_at
        returning *`;
      if (!row) throw new Error("the upsert of a role returned nothing");
      return row;
    },
    async deleteRole(orgId: string, name: string) {
      await sql`delete from auth.org_roles where org_id = ${orgId} and name = ${name}`;
    },
  };
}

function teamQueries(sql: Executor) {
  const columns = sql`
    t.id, t.name, t.created_at, t.updated_at,
    (select count(*)::int from auth.team_members m where m.team_id = t.id) as members`;
  return {
    async teamsOf(orgId: string) {
      return sql<TeamRow[]>`
        select ${columns} from auth.teams t where t.org_id = ${orgId} order by t.name, t.id`;
    },
    async findTeam(orgId: string, id: string) {
      const [row] = await sql<TeamRow[]>`
        select ${columns} from auth.teams t where t.org_id = ${orgId} and t.id = ${id}`;
      return row ?? null;
    },
    /** Null when the name is taken. */
    async insertTeam(orgId: string, id: string, name: string, now: Date) {
      const { count } = await sql`
        insert into auth.teams (id, org_id, name, created_at, updated_at)
        values (${id}, ${orgId}, ${name}, ${now}, ${now}) on conflict do nothing`;
      return count > 0;
    },
    /** False when the name is taken. */
    async renameTeam(orgId: string, id: string, name: string, now: Date) {
      const [taken] = await sql`
        select 1 from auth.teams where org_id = ${orgId} and name = ${name} and id <> ${id}`;
      if (taken) return false;
      await sql`
        update auth.teams set name = ${name}, updated_at = ${now}
        where org_id = ${orgId} and id = ${id}`;
      return true;
    },
    async deleteTeam(orgId: string, id: string) {
      await sql`delete from auth.teams where org_id = ${orgId} and id = ${id}`;
    },
    async teamMemberIds(teamId: string) {
      const rows = await sql<{ user_id: string }[]>`
        select user_id from auth.team_members where team_id = ${teamId} order by user_id`;
      return rows.map((row) => row.user_id);
    },
    async addToTeam(orgId: string, teamId: string, userId: string, now: Date) {
      const { count } = await sql`
        insert into auth.team_members (org_id, team_id, user_id, created_at)
        values (${orgId}, ${teamId}, ${userId}, ${now}) on conflict do nothing`;
      return count > 0;
    },
    async removeFromTeam(teamId: string, userId: string) {
      const { count } = await sql`
        delete from auth.team_members where team_id = ${teamId} and user_id = ${userId}`;
      return count > 0;
    },
  };
}
