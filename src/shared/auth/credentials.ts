/**
 * Reads the two headers that may carry a credential, and the one that says for which organisation.
 * What was sent and cannot be read is refused here: it must never count as "nothing sent".
 */
import { coreErrors } from "../../core/errors.ts";
import type { Credentials } from "../../core/ports/auth.ts";
import { LruMap } from "../lru-map.ts";

/** RFC 6750 §2.1: `Bearer` 1*SP b64token. The scheme is case-insensitive (RFC 9110 §11.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;
const KEY = /^[\x21-\x7e]+$/;

/** A UUID or a slug; two such headers arrive joined by a comma and are neither. */
const ORG = /^[A-Za-z0-9-]{1,64}$/;

/** Bearers by the header that carried them. A token is long, and comes again with every request. */
export type BearerMemory = LruMap<string, string>;

const REMEMBERED_MAX = 1_000;

export const bearerMemory = (): BearerMemory => new LruMap(REMEMBERED_MAX);

/** @throws org_forbidden; bad_credential for a header that is there but is not of the form, empty ones included. */
export function readCredentials(headers: Headers, memory?: BearerMemory): Credentials {
  const authorization = headers.get("authorization");
  const apikey = headers.get("apikey");
  const bearer = authorization === null ? null : bearerIn(authorization, memory);
  if (apikey !== null && !KEY.test(apikey)) {
    throw coreErrors.bad_credential("The apikey header is empty or malformed");
  }
  const org = headers.get("x-reactor-org");
  if (org !== null && !ORG.test(org)) throw coreErrors.org_forbidden();
  return org === null ? { bearer, apikey } : { bearer, apikey, org };
}

/** @throws bad_credential */
function bearerIn(authorization: string, memory: BearerMemory | undefined): string {
  const known = memory?.get(authorization);
  if (known !== undefined) return known;
  const bearer = BEARER.exec(authorization)?.[1];
  if (bearer === undefined) {
    throw coreErrors.bad_credential("The Authorization header is not 'Bearer <token or key>'");
  }
  memory?.set(authorization, bearer);
  return bearer;
}
