/** From a row of the outbox to the mail or the text message that it is. */
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import { openBy } from "../flows/seal-by.ts";
import { createStore } from "../store.ts";
import type { OutgoingRow } from "./outgoing-store.ts";
import { type Parcel, secretOf } from "./queue-message.ts";
import { deliverMail } from "./send-message.ts";
import { deliverText } from "./send-sms.ts";

/** False: it was for nobody. @throws what the transport, the provider or the hook answers */
export async function deliverParcel(
  state: AuthState,
  tenant: TenantCtx,
  { sealed }: OutgoingRow,
): Promise<boolean> {
  const parcel = await openBy<Parcel>(await secretOf(state, tenant), sealed);
  if ("nobody" in parcel) return false;
  const { address, userId } = parcel;
  const user = userId === null ? null : await createStore(state.sql(tenant)).findUserById(userId);
  const to = { tenant, address };
  if ("text" in parcel) await deliverText(state, to, { ...parcel.text, user });
  else await deliverMail(state, to, { ...parcel.mail, user, base: parcel.base });
  return true;
}
