/** The hook before an access token is signed: it answers the claims, which must still make a token. */
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { JsonObject } from "../schema.ts";
import type { ClaimSubject } from "../sessions/claim-contributors.ts";
import { runHook } from "./run-hook.ts";

const isText = (value: unknown) => typeof value === "string";

/** What a token cannot be without, as GoTrue's schema has it. */
const NEEDED: Readonly<Record<string, (value: unknown) => boolean>> = {
  aud: (value) => isText(value) || Array.isArray(value),
  exp: Number.isInteger,
  iat: Number.isInteger,
  sub: isText,
  email: isText,
  phone: isText,
  role: isText,
  aal: isText,
  session_id: isText,
};
/** JSON bytes: as base64url, with header and signature, a token is at most 8 KiB. */
const CLAIMS_BYTES_MAX = 5_800;

/**
 * `claims` as the hook answers them; unchanged when none is configured.
 * @throws unexpected_failure for claims that lack what a token needs; what the hook answers in `error`
 */
export async function customizeClaims(
  state: AuthState,
  caller: Caller,
  { user, method }: ClaimSubject,
  claims: JsonObject,
): Promise<JsonObject> {
  const payload = { user_id: user.id, claims, authentication_method: method };
  const { tenant, address } = caller;
  const output = await runHook(state, tenant, "custom_access_token", payload, address);
  return output === null ? claims : checkClaims(output["claims"]);
}

function checkClaims(after: unknown): JsonObject {
  if (after === undefined) throw authErrors.hook_failed("output claims field is missing");
  if (after === null || typeof after !== "object" || Array.isArray(after)) {
    throw authErrors.hook_failed("output claims do not conform to the expected schema");
  }
  const claims = after as JsonObject;
  const wrong = Object.entries(NEEDED).flatMap(([name, fits]) =>
    fits(claims[name]) ? [] : [name],
  );
  if (wrong.length > 0) {
    throw authErrors.hook_failed(
      `output claims do not conform to the expected schema: \n- ${wrong.join("\n- ")}\n`,
    );
  }
  if (Buffer.byteLength(JSON.stringify(claims)) > CLAIMS_BYTES_MAX) {
    throw authErrors.hook_failed(`output claims are larger than ${CLAIMS_BYTES_MAX} bytes`);
  }
  return claims;
}
