/** What the operator opens the vault with, as configured. */
import type { Rng } from "../../core/ports/rng.ts";
import {
  type Kdf,
  keyUnlocker,
  passphraseUnlocker,
  recoveryUnlocker,
  type Unlocker,
  type UnlockKind,
} from "./unlocker.ts";

export type Master =
  | {
      readonly kind: "key";
      /** 32 bytes. */
      readonly key: Uint8Array;
      /** Absolute path of the file it was read from, which a rotation replaces; null = configured. */
      readonly file: string | null;
    }
  | { readonly kind: "passphrase"; readonly passphrase: string };

/** Characters; shorter ones are found by trying. */
export const PASSPHRASE_LENGTH_MIN = 12;

/** A row of `reactor.vault_unlocks`. */
export interface UnlockRow {
  readonly root: number;
  readonly id: string;
  readonly kind: UnlockKind;
  readonly kdf: Kdf | null;
  readonly pending: boolean;
  readonly sealed: Uint8Array;
}

/** A way to open the vault from now on. */
export function freshUnlocker(master: Master, rng: Rng): Unlocker {
  return master.kind === "key"
    ? keyUnlocker(master.key)
    : passphraseUnlocker(master.passphrase, rng);
}

/** What was derived from a passphrase, by salt: it costs half a second. */
export type Derived = Map<string, Unlocker>;

/** The ways by which this master may open one of the rows; a passphrase has one for each derivation. */
export function unlockersFor(
  master: Master,
  rows: readonly UnlockRow[],
  rng: Rng,
  derived: Derived,
): Unlocker[] {
  if (master.kind === "key") return [keyUnlocker(master.key)];
  const kdfs = new Map(
    rows.flatMap(({ kdf }) => (kdf?.name === "argon2id" ? [[kdf.salt, kdf] as const] : [])),
  );
  return [...kdfs].map(([salt, kdf]) => {
    const name = `${salt}:${master.passphrase}`;
    const known = derived.get(name) ?? passphraseUnlocker(master.passphrase, rng, kdf);
    derived.set(name, known);
    return known;
  });
}

/** The way of a configured recovery code; none when it is empty or no code. */
export function unlockersOfCode(code: string): Unlocker[] {
  const unlocker = code === "" ? null : recoveryUnlocker(code);
  return unlocker ? [unlocker] : [];
}
