/**
 * Who asks with an approval: known, but not let in before it is clear that the request is not refused
 * for what the key may do. An approval is one person's decision on one request, and is not to be had
 * again for the asking.
 */
import type { Principal } from "../../core/ports/auth.ts";
import type { Proven } from "./create-authenticator.ts";

/** @param prove `rechecks` as in `Credentials`: nothing is used up or counted */
export async function holdBack(prove: (rechecks: boolean) => Proven): Promise<Principal> {
  const known = await prove(true);
  // Only keys wait for approval; of others it was never asked.
  if (known.keyId === undefined) return known;
  let used: Promise<Principal> | null = null;
  const admit = async (check: (principal: Principal) => void): Promise<Principal> => {
    check(known);
    used ??= Promise.resolve(prove(false));
    return used;
  };
  return Object.freeze({ ...known, scopes: Object.freeze([]), admit });
}
