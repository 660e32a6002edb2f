/**
 * `POST /auth/v1/_verify`: who the credentials of this very request belong to. Servers whose auth
 * runs here ask it through `src/shared/auth-remote.ts`; a bad credential answers 401
 * `bad_credential`, as the port throws it.
 */
import { contextOf } from "../../../core/context.ts";
import type { AskedAction } from "../../../core/ports/auth.ts";
import { readCredentials } from "../../../shared/auth/credentials.ts";
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { JsonObject } from "../schema.ts";
import { objectOf, readOptionalJson, textOf } from "./read-json.ts";

/** `claims` is JSON text; `expires_at` milliseconds since the epoch, null = never. */
export interface VerifiedCaller {
  readonly role: string;
  readonly user_id: string | null;
  readonly claims: string;
  readonly expires_at: number | null;
  /** Of an API key; absent = limited by none. */
  readonly scopes?: readonly string[];
  readonly key_id?: string;
  /** Milliseconds for which the answer may be kept; absent = as long as the asker likes. */
  readonly keep_ms?: number;
}

const HEX = /^[0-9a-f]{64}$/;

/**
 * With `X-Reactor-Recheck: true` a key's limits are not drawn from; `action` in the body is that of
 * the request in question. @throws bad_credential
 */
export async function verifyCaller(state: AuthState, request: Request): Promise<VerifiedCaller> {
  const rechecks = request.headers.get("x-reactor-recheck") === "true";
  const action = readAction(await readOptionalJson(request));
  const credentials = { ...readCredentials(request.headers), checksScopes: true, rechecks, action };
  const principal = await state.client.authenticate(contextOf(request).tenant, credentials);
  const { scopes, keyId, keepMs } = principal;
  return {
    role: principal.role,
    user_id: principal.userId,
    claims: principal.claims,
    expires_at: Number.isFinite(principal.expiresAt) ? principal.expiresAt : null,
    ...(scopes === undefined ? {} : { scopes }),
    ...(keyId === undefined ? {} : { key_id: keyId }),
    ...(keepMs === undefined ? {} : { keep_ms: keepMs }),
  };
}

function readAction(body: JsonObject): AskedAction | null {
  const action = objectOf(body, "action");
  if (action === null) return null;
  const approvalId = textOf(action, "approvalId");
  const digest = textOf(action, "digest");
  const bodyBytes = Number(action["bodyBytes"]);
  if (!HEX.test(digest) || !Number.isInteger(bodyBytes) || (approvalId && !isUuid(approvalId))) {
    throw authErrors.validation_failed("action is not of the expected form");
  }
  const [method, target] = [textOf(action, "method"), textOf(action, "target")];
  const [headers, shown] = [textOf(action, "headers"), textOf(action, "body")];
  const id = approvalId === "" ? null : approvalId;
  return { approvalId: id, digest, method, target, headers, body: shown, bodyBytes };
}
