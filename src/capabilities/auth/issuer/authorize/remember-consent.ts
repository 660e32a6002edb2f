/** Keeps what a person agreed to, so that the client need not ask again. */
import type { CurrentUser } from "../../accounts/find-current-user.ts";
import type { AuthState } from "../../auth-state.ts";
import type { ClientRow } from "../schema.ts";
import { agreedScope } from "../scopes.ts";
import type { AuthorizationStore } from "./authorization-store.ts";

/** In the transaction of the decision. */
export async function rememberConsent(
  state: AuthState,
  requests: AuthorizationStore,
  client: ClientRow,
  { user }: CurrentUser,
  scope: string,
): Promise<void> {
  const before = await requests.findConsent(user.id, client.id);
  await requests.putConsent(state.deps.ids.uuid(), {
    user_id: user.id,
    client_id: client.id,
    scopes: agreedScope(state.config, client, before?.scopes ?? "", scope),
    granted_at: state.now(),
  });
}
