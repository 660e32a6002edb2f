/** Managing functions is for the secret key alone. */
import type { RequestContext } from "../../core/context.ts";
import { readCredentials } from "../../shared/auth/credentials.ts";
import { functionsErrors } from "./errors.ts";

/** @throws credential_required (401), bad_credential (401), service_role_required (403) */
export async function requireServiceRole(ctx: RequestContext, headers: Headers): Promise<void> {
  const { bearer, apikey } = readCredentials(headers);
  if (!bearer && !apikey) throw functionsErrors.admin_credential_required();
  const { role } = await ctx.principal();
  if (role !== "service_role") throw functionsErrors.service_role_required(role);
}
