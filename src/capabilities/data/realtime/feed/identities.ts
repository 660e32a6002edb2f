/** Principals with equal role and claims are one to row security: judged once for all of them. */
import type { Principal } from "../../../../core/ports/auth.ts";

export interface Identity {
  readonly principal: Principal;
}

interface Held {
  readonly identity: Identity;
  uses: number;
}

/** The identities of the subscriptions there are. */
export class Identities {
  readonly #held = new Map<string, Held>();

  take(principal: Principal): Identity {
    const key = keyOf(principal);
    const known = this.#held.get(key);
    if (known) {
      known.uses += 1;
      return known.identity;
    }
    const identity = { principal };
    this.#held.set(key, { identity, uses: 1 });
    return identity;
  }

  release({ principal }: Identity): void {
    const key = keyOf(principal);
    const held = this.#held.get(key);
    if (!held) return;
    held.uses -= 1;
    if (held.uses === 0) this.#held.delete(key);
  }
}

/** `userId` and `expiresAt` are told by the claims, or the same for all of a key. */
function keyOf({ role, claims, userId, expiresAt }: Principal): string {
  return JSON.stringify([role, claims, userId, expiresAt]);
}
