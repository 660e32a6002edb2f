/** What nobody takes back: challenges past their time, enrolments given up, seeds of factors gone. */
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { createCredentialStore } from "../passkeys/credential-store.ts";
import { createFactorStore } from "./factor-store.ts";
import { deleteSeed } from "./totp.ts";

const BATCH = 1000;
const ENROLMENT_MS = 24 * 60 * 60 * 1000;

/** The count of what was removed. */
export async function sweepFactors(state: AuthState, tenant: TenantCtx): Promise<number> {
  const sql = state.sql(tenant);
  const [factors, credentials] = [createFactorStore(sql), createCredentialStore(sql)];
  const now = state.now();
  const before = new Date(now.getTime() - ENROLMENT_MS);
  const challenges = await all(() => factors.deleteExpiredChallenges(now, BATCH));
  const ceremonies = await all(() => credentials.deleteExpiredPasskeyChallenges(now, BATCH));
  const enrolments = await factors.deleteAbandoned(null, before, now);
  return challenges + ceremonies + enrolments + (await sweepSeeds(state, tenant));
}

async function all(remove: () => Promise<number>): Promise<number> {
  for (let total = 0; ; ) {
    const count = await remove();
    total += count;
    if (count < BATCH) return total;
  }
}

/**
 * Deletes seeds whose factor is gone, however it went: the database notes them in the transaction
 * that removes the factor, because the vault is not part of it.
 */
async function sweepSeeds(state: AuthState, tenant: TenantCtx): Promise<number> {
  const factors = createFactorStore(state.sql(tenant));
  const left = await factors.seedsLeft(BATCH);
  for (const factorId of left) {
    await deleteSeed(state, { tenant }, factorId);
    await factors.forgetSeed(factorId);
  }
  return left.length;
}

/** After a removal, which is done whatever becomes of the seed: the janitor comes for it later. */
export async function sweepSeedsSoon(state: AuthState, caller: Caller): Promise<void> {
  try {
    await sweepSeeds(state, caller.tenant);
  } catch (error) {
    caller.log.error("auth.seeds_left", { error });
  }
}
