/** Sends an invitation by mail: the name of the organisation and a link that carries the token. */
import type { AuthState } from "../auth-state.ts";
import type { JsonObject } from "../schema.ts";
import type { OrgActor } from "./actor.ts";
import type { InvitationRow, OrgRow } from "./schema.ts";

interface Invited {
  readonly org: OrgRow;
  readonly invitation: InvitationRow;
  readonly to: string;
  readonly token: string;
  readonly body: JsonObject;
}

/** The invitation stands whether or not the mail could be sent; a failure is logged. */
export async function sendInvitation(
  state: AuthState,
  { caller }: OrgActor,
  { org, to, token, invitation }: Invited,
): Promise<void> {
  try {
    await state.deps.mail.send(caller.tenant, {
      to,
      subject: `Invitation to ${org.name}`,
      text: `You are invited to join ${org.name} as ${invitation.role}.\n\nSign in with this address and accept the invitation with this code:\n\n${token}\n\nIt is good until ${invitation.expires_at.toISOString()}. If you do not know what this is about, do nothing.\n`,
    });
  } catch (error) {
    caller.log.error("auth.mail_failed", { what: "org_invitation", error });
  }
}
