/**
 * Who a credential of a socket proves: by `jwt_secret` where that is set, else by the server's own
 * identity, as for requests to `/data/v1`. A socket's tokens come one after the other, so this works
 * on credentials, not on a request.
 */
import { coreErrors } from "../../../../core/errors.ts";
import type { AuthClient, Principal } from "../../../../core/ports/auth.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import { actInClaimedOrg } from "../../../../shared/auth/act-in-org.ts";
import { ANONYMOUS } from "../../../../shared/auth/principals.ts";
import type { DataRoom } from "../../room.ts";

interface RoomSource {
  of(tenant: TenantCtx): DataRoom | Promise<DataRoom>;
}

/** Throws bad_credential and PGRST301 to PGRST303 (all 401), PGRST002 while the database is away. */
export function channelAuth(rooms: RoomSource, auth: AuthClient): AuthClient {
  return {
    async authenticate(tenant, credentials) {
      const room = await rooms.of(tenant);
      const { bearer, apikey, org = null } = credentials;
      if (room.tokens && bearer?.includes(".")) {
        const principal = await room.tokens.verify(bearer);
        return org === null ? principal : actInClaimedOrg(principal, org);
      }
      // What is done on channels asks for scopes (`key-scopes.ts`).
      const principal = await auth.authenticate(tenant, { ...credentials, checksScopes: true });
      if (!isNobody(principal)) return principal;
      // Nobody is who `db_anon_role` says; the publishable key is a credential of that role.
      if (room.anonymous) return room.anonymous;
      if (bearer === null && apikey === null) {
        throw coreErrors.bad_credential("A credential is needed here");
      }
      return principal;
    },
  };
}

function isNobody({ role, userId, keyId }: Principal): boolean {
  return role === ANONYMOUS.role && userId === null && keyId === undefined;
}
