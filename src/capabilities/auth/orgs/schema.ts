/** The rows of `migrations/auth/0007_orgs.sql`, as far as something here uses them. */
import type { JsonObject } from "../schema.ts";

/** `auth.orgs`. */
export interface OrgRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly metadata: JsonObject;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** `auth.org_roles`. */
export interface RoleRow {
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly string[];
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A person's place in an organisation, with the person's address. */
export interface MemberRow {
  readonly user_id: string;
  readonly email: string | null;
  readonly role: string;
  readonly is_default: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** An organisation as one of its members sees it in the list. */
export interface OwnOrgRow extends OrgRow {
  readonly role: string;
  /** Of a role that is not built in; null for one that is. */
  readonly permissions: readonly string[] | null;
  readonly is_default: boolean;
}

/** `auth.teams`. */
export interface TeamRow {
  readonly id: string;
  readonly name: string;
  readonly members: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** `auth.org_invitations`. */
export interface InvitationRow {
  readonly id: string;
  readonly org_id: string;
  readonly email: string | null;
  readonly role: string;
  readonly invited_by: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

export interface NewInvitation {
  readonly id: string;
  readonly orgId: string;
  readonly email: string | null;
  readonly role: string;
  readonly tokenHash: Uint8Array;
  readonly invitedBy: string | null;
  readonly expiresAt: Date;
  readonly now: Date;
}

/** One membership as tokens tell of it. */
export interface OrgFacts {
  readonly org_id: string;
  readonly slug: string;
  readonly role: string;
  /** Of a role that is not built in; null for one that is. */
  readonly permissions: readonly string[] | null;
  readonly is_default: boolean;
  readonly teams: readonly string[];
}
