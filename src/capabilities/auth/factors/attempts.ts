/**
 * Caps guesses at one factor. After `auth.mfa_max_attempts` wrong answers in a row it is locked, and
 * each lock lasts twice as long as the one before, to a day: whoever holds the password and tries
 * for months comes to a handful of guesses a day (OWASP ASVS 5.0, 6.3.1; NIST SP 800-63B-4 §3.2.2).
 */
import type { AuthState } from "../auth-state.ts";
import { factorErrors } from "./errors.ts";
import type { FactorStore } from "./factor-store.ts";
import type { FactorRow } from "./schema.ts";

const LOCK_MS_MAX = 24 * 60 * 60 * 1000;

/** Seconds until the factor may be tried again; 0 = now. */
export function lockedForS({ locked_until: until }: FactorRow, now: Date): number {
  return until && until > now ? Math.ceil((until.getTime() - now.getTime()) / 1000) : 0;
}

/** @throws mfa_recovery_codes_locked, over_request_rate_limit */
export function refuseLocked(factor: FactorRow, retryAfterS: number): never {
  if (factor.factor_type === "recovery_code") {
    throw factorErrors.mfa_recovery_codes_locked(retryAfterS);
  }
  throw factorErrors.mfa_locked(retryAfterS);
}

/** Counts a wrong answer; the factor's row is locked. A lock takes the challenges that are out with it. */
export async function countFailure(
  { config }: AuthState,
  factors: FactorStore,
  factor: FactorRow,
  now: Date,
): Promise<void> {
  const failures = factor.failed_attempts + 1;
  const locks = Math.floor(failures / config.mfa_max_attempts);
  const isLast = failures % config.mfa_max_attempts === 0;
  const lockMs = Math.min(config.mfa_lockout_s * 1000 * 2 ** (locks - 1), LOCK_MS_MAX);
  await factors.countFailure(factor.id, isLast ? new Date(now.getTime() + lockMs) : null);
  if (isLast) await factors.deleteChallengesOf(factor.id);
}
