/** A person as an authenticator lists them. */
import type { UserRow } from "../schema.ts";
import type { WebAuthnUser } from "./webauthn/options.ts";

/** The handle is the id as text, as GoTrue has it: random, and nothing personal. */
export function webAuthnUser(user: UserRow): WebAuthnUser {
  const name = user.email ?? user.phone ?? user.id;
  const called = user.raw_user_meta_data?.["name"];
  const displayName = typeof called === "string" && called !== "" ? called.slice(0, 64) : name;
  return { handle: new Uint8Array(Buffer.from(user.id)), name, displayName };
}
