/** Where nothing needs identity, nobody is known: no credential is `anon`, any other is refused. */
import { coreErrors } from "../../core/errors.ts";
import type { AuthClient } from "../../core/ports/auth.ts";
import { ANONYMOUS } from "../../shared/auth/principals.ts";

export const nobodysAuth: AuthClient = {
  authenticate(_tenant, { bearer, apikey, org }) {
    if (bearer !== null || apikey !== null) {
      throw coreErrors.bad_credential("This server does not check credentials");
    }
    if (org !== undefined && org !== null) throw coreErrors.org_forbidden();
    return ANONYMOUS;
  },
};
