/** All SQL of invitations. */
import type { Sql, TransactionSql } from "postgres";
import type { InvitationRow, NewInvitation } from "./schema.ts";

export type InvitationStore = ReturnType<typeof createInvitationStore>;

export function createInvitationStore(sql: Sql | TransactionSql) {
  const columns = sql`id, org_id, email, role, invited_by, created_at, expires_at`;
  return {
    /** An address is invited once: a new invitation takes the place of the old one. */
    async putInvitation(invitation: NewInvitation) {
      if (invitation.email !== null) {
        await sql`
          delete from auth.org_invitations
          where org_id = ${invitation.orgId} and email = ${invitation.email}`;
      }
      const [row] = await sql<InvitationRow[]>`
        insert into auth.org_invitations
          (id, org_id, email, role, token_hash, invited_by, created_at, expires_at)
        values (${invitation.id}, ${invitation.orgId}, ${invitation.email}, ${invitation.role},
          ${invitation.tokenHash}, ${invitation.invitedBy}, ${invitation.now},
          ${invitation.expiresAt})
        returning ${columns}`;
      if (!row) throw new Error("the insert of an invitation returned nothing");
      return row;
    },
    async invitationsOf(orgId: string, now: Date) {
      return sql<InvitationRow[]>`
        select ${columns} from auth.org_invitations
        where org_id = ${orgId} and expires_at > ${now} order by created_at, id`;
    },
    async countInvitations(orgId: string, now: Date) {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from auth.org_invitations
        where org_id = ${orgId} and expires_at > ${now}`;
      return row?.count ?? 0;
    },
    async findByToken(tokenHash: Uint8Array, now: Date) {
      const [row] = await sql<InvitationRow[]>`
        select ${columns} from auth.org_invitations
        where token_hash = ${tokenHash} and expires_at > ${now}`;
      return row ?? null;
    },
    async deleteInvitation(orgId: string, id: string) {
      const { count } = await sql`
        delete from auth.org_invitations where org_id = ${orgId} and id = ${id}`;
      return count > 0;
    },
    /** What somebody left open before they lost the right to: a way back in, otherwise. */
    async withdrawBy(orgId: string, userId: string) {
      await sql`
        delete from auth.org_invitations where org_id = ${orgId} and invited_by = ${userId}`;
    },
    async withdrawAllBy(userId: string) {
      await sql`delete from auth.org_invitations where invited_by = ${userId}`;
    },
    async withdrawRole(orgId: string, role: string) {
      await sql`delete from auth.org_invitations where org_id = ${orgId} and role = ${role}`;
    },
    async purgeInvitations(before: Date) {
      const { count } = await sql`
        delete from auth.org_invitations where expires_at < ${before}`;
      return count;
    },
  };
}
