/**
 * Sends an invitation by mail: from whom, to what, and the way in. The code stands in the mail beside
 * the link, for servers that nothing trusted names and so have no link.
 */
import type { TransactionSql } from "postgres";
import type { AuthState } from "../auth-state.ts";
import { mailedRedirect } from "../http/redirects.ts";
import { linkBase } from "../messages/link-base.ts";
import { queueMessage } from "../messages/queue-message.ts";
import type { OrgActor } from "./actor.ts";
import type { InvitationRow, OrgRow } from "./schema.ts";

interface Invited {
  readonly org: OrgRow;
  readonly invitation: InvitationRow;
  readonly to: string;
  readonly token: string;
  /** Null: the code alone. */
  readonly link: string | null;
}

const PAGE = "/auth/ui/account/organizations";

/** In the transaction that makes it; call `state.outbox.wake` after the commit. */
export async function sendInvitation(
  state: AuthState,
  { caller, person }: OrgActor,
  tx: TransactionSql,
  { org, to, token, invitation, link }: Invited,
): Promise<void> {
  await queueMessage(state, caller, tx, {
    ...{ kind: "org_invitation", to, user: null, otp: token },
    data: {
      ...{ organization: org.name, inviter: person?.user.email ?? "", role: invitation.role },
      ...(link === null ? {} : { link }),
    },
  });
}

/**
 * The app's page when the request names an allowed one, else the ready page of this server.
 * @param redirectTo as sent; "" = none
 */
export function invitationLink(
  state: AuthState,
  { caller }: OrgActor,
  request: Request,
  redirectTo: string,
  token: string,
): string | null {
  const base = linkBase(state, caller);
  const own = base !== null && state.config.ui.enabled ? new URL(PAGE, base).href : null;
  const page = redirectTo === "" ? own : mailedRedirect(state, request, redirectTo);
  if (page === null) return null;
  const url = new URL(page);
  url.searchParams.set("invitation", token);
  return url.href;
}
