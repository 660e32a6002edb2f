/** `POST /auth/v1/api-keys`: the only answer that ever shows the key. */
import { isAllowedRole } from "../../../shared/auth/verify-token.ts";
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import { type OrgActor, requireStrong, userIdOf } from "../orgs/actor.ts";
import { readOrg } from "../orgs/in-org.ts";
import type { JsonObject } from "../schema.ts";
import { keyErrors } from "./errors.ts";
import { withOwner } from "./key-access.ts";
import {
  readApproval,
  readBudget,
  readExpiry,
  readKeyName,
  readKind,
  readRateLimit,
  readScopes,
} from "./key-fields.ts";
import { hashSecret, keyText } from "./key-text.ts";
import { presentKey } from "./present-key.ts";
import type { KeyKind, KeyOwner } from "./schema.ts";

/** Of one owner, without the revoked ones. */
const KEYS_MAX = 200;

/**
 * Body: `name`, `kind`, `scopes`, `org` (of an organisation), `expires_at` or `expires_in`,
 * `rate_limit`, `budget`, `requires_approval`; the secret key also names `user_id` and `role`.
 * @throws validation_failed, org_escalation, org_permission_denied, api_key_limit_reached
 */
export async function createKey(state: AuthState, actor: OrgActor, body: JsonObject) {
  requireStrong(state, actor);
  if (actor.person?.user.is_anonymous) throw authErrors.not_admin();
  const kind = readKind(body);
  const owner = await readOwner(state, actor, kind, body);
  const role = readRole(actor, kind, owner, body);
  const needsApproval =
    readApproval(body) || (kind === "agent" && state.config.api_keys_agent_approval);
  const now = state.now();
  const draft = {
    ...{ kind, role, name: readKeyName(body), scopes: readScopes(body) },
    ...{ user_id: owner.userId, org_id: owner.orgId, created_by: userIdOf(actor) },
    ...{ expires_at: readExpiry(body, now), rate_limit: readRateLimit(body), ...readBudget(body) },
    ...{ requires_approval: needsApproval, created_at: now, updated_at: now },
    status: needsApproval ? ("pending" as const) : ("active" as const),
  };
  return withOwner(state, actor, owner, "create", async (access) => {
    const { keys } = access;
    access.requireScopes(draft.scopes);
    if ((await keys.countKeys(owner)) >= KEYS_MAX) throw keyErrors.api_key_limit_reached(KEYS_MAX);
    const key = await keys.insertKey({ ...draft, id: state.deps.ids.uuid() });
    const secret = state.deps.ids.token(32);
    await keys.insertSecret(key.id, hashSecret(secret), now);
    await access.record("api_key_created", key, { scopes: draft.scopes, status: key.status });
    return { ...presentKey(key), key: keyText({ id: key.id, secret }) };
  });
}

async function readOwner(
  state: AuthState,
  actor: OrgActor,
  kind: KeyKind,
  body: JsonObject,
): Promise<KeyOwner> {
  const org = textOf(body, "org");
  const given = textOf(body, "user_id");
  const own = userIdOf(actor);
  if (org !== "") {
    if (kind === "user" || given !== "") {
      throw authErrors.validation_failed("A key has one owner: leave out org, or kind and user_id");
    }
    const orgId = await readOrg(state, actor, org, "auth:keys:create", async (view) => view.org.id);
    return { userId: null, orgId };
  }
  if (kind === "org") throw authErrors.validation_failed("A key of an organisation needs org");
  if (kind === "service") {
    if (own !== null) throw authErrors.not_admin();
    return { userId: null, orgId: null };
  }
  if (own !== null && given !== "" && given !== own) throw authErrors.not_admin();
  const userId = own ?? given.toLowerCase();
  if (!isUuid(userId)) throw authErrors.validation_failed("user_id must be the UUID of a person");
  return { userId, orgId: null };
}

/** Only services of the project may have another database role than people. */
function readRole(actor: OrgActor, kind: KeyKind, owner: KeyOwner, body: JsonObject): string {
  const role = textOf(body, "role");
  if (role === "" || role === "authenticated") return "authenticated";
  if (actor.person || kind !== "service" || owner.orgId !== null) throw authErrors.not_admin();
  if (!isAllowedRole(role)) throw authErrors.validation_failed("role may not be that one");
  return role;
}
