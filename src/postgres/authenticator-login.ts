/**
 * Gives `authenticator` its password on an external server. The verifier is computed here, so the
 * password itself appears neither on the wire nor in the server's log. Called at boot by whoever
 * keeps the password in the vault; embedded Postgres trusts its private socket and needs none.
 */
import type { Sql } from "postgres";
import type { Clock } from "../core/ports/clock.ts";
import { repeatContended } from "./contention.ts";
import { scramVerifier } from "./wire/scram.ts";

/** `sql` is the owner on the direct URL. Throws Postgres's error when the owner may not alter roles. */
export async function ensureAuthenticatorLogin(
  sql: Sql,
  password: string,
  clock: Clock,
): Promise<void> {
  // The server's own randomness: 122 bits of salt.
  const [row] = await sql<{ salt: string }[]>`select gen_random_uuid() as salt`;
  const salt = Buffer.from((row?.salt ?? "").replaceAll("-", ""), "hex");
  const verifier = await scramVerifier(password, salt);
  // Base64, digits, `$` and `:` only: nothing in it can end the literal.
  await repeatContended(clock, () =>
    sql.unsafe(`alter role authenticator login password '${verifier}'`).simple(),
  );
}
