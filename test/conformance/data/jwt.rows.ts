/** references/auth, "JWT"; references/errors, "Group 3 - JWT". With `jwt_secret`. */
import { expect } from "bun:test";
import { fails, fault, get, type Row } from "./kit.ts";

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const refused = (
  name: string,
  token: string,
  code: string,
  message: string,
  details: string | null = null,
) =>
  fails(name, "GET /buoys", 401, fault({ code, message, details }), {
    ...bearer(token),
    answer: { "www-authenticate": `Bearer error="invalid_token", error_description="${message}"` },
  });
const whoami = (name: string, token: string, role: string) =>
  get(name, "/rpc/whoami", role, bearer(token));

export const rows: readonly Row[] = [
  whoami("a good token", "{harbour_clerk.token}", "harbour_clerk"),
  whoami("a role in capitals and with a space", "{harbour_guest.token}", "Harbour Guest"),
  whoami("a token without an end", "{everlasting}", "harbour_clerk"),
  whoami("a token without a role is nobody's", "{roleless}", "anon"),
  get("no token is nobody's", "/rpc/whoami", "anon"),
  get("the scheme in small letters", "/rpc/whoami", "harbour_clerk", {
    headers: { authorization: "bearer {harbour_clerk.token}" },
  }),
  refused("an expired token", "{expired}", "PGRST303", "JWT expired"),
  refused("a token of later", "{early}", "PGRST303", "JWT not yet valid"),
  refused("a token of the future", "{future}", "PGRST303", "JWT issued at future"),
  refused(
    "an end that is no time",
    "{timeless}",
    "PGRST303",
    "The JWT 'exp' claim must be a number",
  ),
  refused(
    "a token by another secret",
    "{forged}",
    "PGRST301",
    "No suitable key or wrong key type",
    "None of the keys was able to decode the JWT",
  ),
  refused("two parts of a token", "{halves}", "PGRST301", "Expected 3 parts in JWT; got 2"),
  refused("an empty token", "", "PGRST301", "Empty JWT is sent in Authorization header"),
  fails(
    "a role that is not there",
    "GET /buoys",
    401,
    fault({
      code: "22023",
      message: 'role "nobody_there" does not exist',
    }),
    bearer("{stranger}"),
  ),
  fails(
    "a role that the login may not become",
    "GET /buoys",
    403,
    fault({
      code: "42501",
      message: 'permission denied to set role "postgres"',
    }),
    bearer("{owner}"),
  ),
];

/** With `jwt_aud` = "harbour". */
export const audience: readonly Row[] = [
  whoami("a token for us", "{ours}", "harbour_clerk"),
  whoami("a token for us among others", "{among}", "harbour_clerk"),
  whoami("a token for nobody in particular", "{harbour_clerk.token}", "harbour_clerk"),
  refused("a token for others", "{theirs}", "PGRST303", "JWT not in audience"),
];

/** With `jwt_role_claim_key` = ".realm.roles[1]". */
export const roleClaim: readonly Row[] = [
  whoami("the role where the key leads", "{nested}", "harbour_clerk"),
  whoami("no role there is nobody's", "{harbour_clerk.token}", "anon"),
];

/** With `jwt_secret` a JSON Web Key Set of RSA, elliptic curve and Edwards curve keys. */
export const keySet: readonly Row[] = [
  whoami("RS256", "{rs}", "harbour_clerk"),
  whoami("ES256", "{es}", "harbour_clerk"),
  whoami("EdDSA", "{ed}", "harbour_clerk"),
  fails(
    "a token by a secret that is no key of the set",
    "GET /buoys",
    401,
    expect.objectContaining({ code: "PGRST301" }),
    bearer("{harbour_clerk.token}"),
  ),
  fails(
    "a token that is not signed",
    "GET /buoys",
    401,
    expect.objectContaining({ code: "PGRST301" }),
    bearer("{unsigned}"),
  ),
];

/** With the secret in another form: a JSON Web Key, or base64. */
export const sameSecret: readonly Row[] = [
  whoami("a token by the secret", "{harbour_clerk.token}", "harbour_clerk"),
  fails(
    "a token by another",
    "GET /buoys",
    401,
    expect.objectContaining({ code: "PGRST301" }),
    bearer("{forged}"),
  ),
];

/** With `db_anon_role` = "". */
export const noAnonymous: readonly Row[] = [
  whoami("a good token", "{harbour_clerk.token}", "harbour_clerk"),
  fails(
    "nobody may come in",
    "GET /buoys",
    401,
    fault({ code: "PGRST302", message: "Anonymous access is disabled" }),
    { answer: { "www-authenticate": "Bearer" } },
  ),
];

/** Without `jwt_secret`. */
export const noSecret: readonly Row[] = [
  get("nobody needs no token", "/rpc/whoami", "anon"),
  fails(
    "a token cannot be verified",
    "GET /buoys",
    500,
    fault({ code: "PGRST300", message: "Server lacks JWT secret" }),
    bearer("{harbour_clerk.token}"),
  ),
];
