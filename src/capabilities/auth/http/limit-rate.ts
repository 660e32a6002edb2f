/**
 * Rate limits of the ways in: per route and address, and per route and account, so that neither one
 * machine nor many of them can try without end. The secret key is exempt from the first kind.
 */
import { limitedNetwork } from "../../../shared/ip-address.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";

const WINDOW_MS = 60_000;

/** @throws over_request_rate_limit */
export async function limitByAddress(
  state: AuthState,
  caller: Caller,
  route: string,
  limit: number,
): Promise<void> {
  if (caller.isService) return;
  await take(state, caller, `auth:${route}:address:${limitedNetwork(caller.address)}`, limit);
}

/** `identity` is hashed: keys of a limiter are no place for addresses of people. */
export async function limitByIdentity(
  state: AuthState,
  caller: Caller,
  route: string,
  identity: string,
  limit: number,
): Promise<void> {
  const digest = new Bun.CryptoHasher("sha256").update(identity).digest("base64url");
  await take(state, caller, `auth:${route}:identity:${digest}`, limit);
}

async function take(state: AuthState, caller: Caller, key: string, limit: number): Promise<void> {
  const { rateLimiter } = state.deps;
  const decision = await rateLimiter.take(caller.tenant, key, { limit, windowMs: WINDOW_MS });
  if (decision.allowed) return;
  throw authErrors.over_request_rate_limit(Math.max(1, Math.ceil(decision.retryAfterMs / 1000)));
}
