/**
 * The hook before an account is made. Sign-up calls it before it looks the address up, so that a
 * refusal tells nothing of who has an account.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { JsonObject } from "../schema.ts";
import { runHook } from "./run-hook.ts";

/** The account as it would be. */
export interface ComingUser {
  readonly id: string;
  readonly email: string | null;
  readonly phone?: string | null;
  readonly appMetadata: JsonObject;
  readonly userMetadata: JsonObject;
  readonly isAnonymous?: boolean;
}

/** @throws what the hook answers in `error`; user_creation_rejected for `decision: "reject"` */
export async function beforeUserCreated(
  state: AuthState,
  caller: Caller,
  coming: ComingUser,
): Promise<void> {
  if (!state.hooks.has("before_user_created")) return;
  const at = state.now().toISOString();
  const user = {
    id: coming.id,
    aud: "authenticated",
    role: "",
    email: coming.email ?? "",
    phone: coming.phone ?? "",
    app_metadata: coming.appMetadata,
    user_metadata: coming.userMetadata,
    identities: [],
    created_at: at,
    updated_at: at,
    is_anonymous: coming.isAnonymous ?? false,
  };
  const { tenant, address } = caller;
  const output = await runHook(state, tenant, "before_user_created", { user }, address);
  if (output?.["decision"] !== "reject") return;
  const { message } = output;
  throw authErrors.user_creation_rejected(typeof message === "string" ? message : "");
}
