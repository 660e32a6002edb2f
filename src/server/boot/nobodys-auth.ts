/** Where nothing needs identity, nobody is known: no credential is `anon`, any other is refused. */
import { coreErrors } from "../../core/errors.ts";
import type { AuthClient } from "../../core/ports/auth.ts";
import { ANONYMOUS } from "../../shared/auth/principals.ts";

export const nobodysAuth: AuthClient = {
  authenticate(_tenant, { bearer, apikey }) {
    if (bearer !== null || apikey !== null) {
      throw coreErrors.bad_credential("This server does not check credentials");
    }
    return ANONYMOUS;
  },
};
