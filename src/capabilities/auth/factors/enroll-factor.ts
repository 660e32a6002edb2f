/** `POST /auth/v1/factors`: begins the enrolment of a second factor; it counts once verified. */
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import { siteName } from "../passkeys/relying-party.ts";
import { actorOf, audit } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { hasVerifiedFactor, usageOf } from "./aal.ts";
import { factorErrors } from "./errors.ts";
import { type FactorOwner, requireOwner } from "./factor-owner.ts";
import { createFactorStore, type FactorStore } from "./factor-store.ts";
import { friendlyNameOf } from "./friendly-name.ts";
import { factorPhoneOf, putAsidePhone } from "./phone-factor.ts";
import { qrSvg } from "./qr-svg.ts";
import type { FactorRow, NewFactor } from "./schema.ts";
import { keepSeed, keyUri, newSeed, secretOf } from "./totp.ts";

const TYPES = ["totp", "phone", "webauthn"] as const;
type EnrolledType = (typeof TYPES)[number];

/** Enrolments older than this with nothing to answer make room for new ones. */
const ABANDONED_MS = 5 * 60 * 1000;
const ISSUER_MAX = 100;

interface Enrolment {
  readonly id: string;
  readonly type: EnrolledType;
  readonly friendly_name: string;
  readonly phone?: string;
  readonly totp?: { readonly qr_code: string; readonly secret: string; readonly uri: string };
}

/**
 * @throws validation_failed, mfa_*_enroll_not_enabled, mfa_factor_name_conflict,
 *   too_many_enrolled_mfa_factors, insufficient_aal for who has a factor and did not use it
 */
export async function enrollFactor(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  body: JsonObject,
): Promise<Enrolment> {
  const owner = requireOwner(current);
  await limitByIdentity(state, caller, "mfa", owner.user.id, state.config.rate_limit_mfa);
  const type = typeOf(textOf(body, "factor_type"));
  if (usageOf(state, type) !== "on") throw factorErrors.mfa_enroll_not_enabled(type);
  const phone = type === "phone" ? factorPhoneOf(state, body) : null;
  const issuer = textOf(body, "issuer").slice(0, ISSUER_MAX) || siteName(state, caller);
  const friendlyName = friendlyNameOf(body);
  const id = state.deps.ids.uuid();
  const now = state.now();
  const factor = { id, userId: owner.user.id, type, friendlyName, phone, now };
  const row = await insertFactor(state, caller, owner, { ...factor, status: "unverified" });
  const answer = { id, type, friendly_name: row.friendly_name };
  if (phone !== null) return { ...answer, phone };
  return type === "totp"
    ? { ...answer, totp: await seedOf(state, caller, owner, id, issuer) }
    : answer;
}

function typeOf(text: string): EnrolledType {
  const type = TYPES.find((one) => one === text);
  if (type) return type;
  throw authErrors.validation_failed("factor_type needs to be totp, phone, or webauthn");
}

async function insertFactor(
  state: AuthState,
  caller: Caller,
  owner: FactorOwner,
  factor: NewFactor,
): Promise<FactorRow> {
  return inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const factors = createFactorStore(tx);
    await store.lockUser(owner.user.id);
    if (factor.phone !== null) await putAsidePhone(factors, owner.user.id, factor.phone);
    const row = await addFactor(state, store, factors, owner, factor);
    const traits = { factor_id: row.id, factor_type: row.factor_type };
    await audit(state, store, caller, actorOf(owner.user), "factor_in_progress", traits);
    return row;
  });
}

/**
 * Adds a factor where there is room for it; the person's row is locked.
 * @throws mfa_factor_name_conflict, too_many_enrolled_mfa_factors, insufficient_aal
 */
export async function addFactor(
  state: AuthState,
  store: AuthStore,
  factors: FactorStore,
  { user, session }: FactorOwner,
  factor: NewFactor,
): Promise<FactorRow> {
  const before = new Date(factor.now.getTime() - ABANDONED_MS);
  await factors.deleteAbandoned(user.id, before, factor.now);
  const existing = await factors.factorsOf(user.id);
  if (existing.length >= state.config.mfa_max_factors) {
    throw factorErrors.too_many_enrolled_mfa_factors();
  }
  const fresh = await store.findUserById(user.id);
  if (fresh && hasVerifiedFactor(state, fresh) && session.aal !== "aal2") {
    throw authErrors.insufficient_aal("AAL2 required to enroll a new factor", 403);
  }
  const row = await factors.insertFactor(factor);
  if (!row) throw factorErrors.mfa_factor_name_conflict(factor.friendlyName);
  return row;
}

/** The seed is kept after its factor, so that none is ever left that no factor leads to. */
async function seedOf(
  state: AuthState,
  caller: Caller,
  { user }: FactorOwner,
  factorId: string,
  issuer: string,
) {
  const seed = newSeed(state);
  await keepSeed(state, caller, factorId, seed);
  const uri = keyUri(issuer, user.email ?? user.phone ?? user.id, seed);
  return { qr_code: qrSvg(uri), secret: secretOf(seed), uri };
}
