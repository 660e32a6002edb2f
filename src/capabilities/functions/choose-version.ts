/** Which of a function's versions a call goes to while two of them share the calls. */
import type { ActiveFunction, FunctionVersion } from "./function-version.ts";

/** What may decide. */
export interface ShareKeys {
  readonly requestId: string;
  /** Stays the same for one caller: the user, else the address. */
  readonly caller: string;
}

export interface Chosen {
  readonly version: FunctionVersion;
  /** It is the one that has a part of the calls. */
  readonly isShare: boolean;
}

/** Percent with two decimals. */
const STEPS = 10_000;

/**
 * The same keys choose the same version for as long as the share stands, and a caller who was sent to
 * the new version stays there while its share grows.
 */
export function chooseVersion(found: ActiveFunction, keys: ShareKeys): Chosen {
  const { active, share } = found;
  if (!share) return { version: active, isShare: false };
  const key = share.by === "caller" ? keys.caller : keys.requestId;
  const place = Number(Bun.hash(`${found.name}\0${key}`) % BigInt(STEPS));
  const isShare = place < share.percent * (STEPS / 100);
  return { version: isShare ? share.version : active, isShare };
}
