/**
 * What a sign-up would have made for an address that has an account: made under another address, so
 * that triggers and all statements run and take their time, shown under the one that was sent, and
 * taken back.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import type { AuthStore } from "../store.ts";
import { type CreatedUser, createUser, type UserDraft } from "./create-user.ts";

const EMAIL_MAX = 255;

/** Thrown to roll the savepoint back. */
class TakenBack extends Error {
  readonly created: CreatedUser;
  constructor(created: CreatedUser) {
    super("taken back");
    this.created = created;
  }
}

/** @throws what a trigger on `auth.users` raises, as it would for a new address */
export async function pretendToCreate(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  draft: UserDraft,
): Promise<CreatedUser> {
  try {
    await tx.savepoint(async () => {
      const made = await createUser(state, store, tx, caller, { ...draft, ...otherAddress(draft) });
      if (!made) throw new Error("an address that nobody has was taken");
      throw new TakenBack(made);
    });
  } catch (error) {
    if (error instanceof TakenBack) return shownAs(draft, error.created);
    throw error;
  }
  throw new Error("a savepoint was kept");
}

/** In the same domain, which a trigger may look at; no number begins with a zero. */
function otherAddress({ id, email }: UserDraft): Pick<UserDraft, "email" | "phone"> {
  if (email === null) return { email, phone: `0${id.replaceAll("-", "")}` };
  const other = `${id}${email.slice(email.lastIndexOf("@"))}`;
  return { email: other.length > EMAIL_MAX ? `${id}@address.invalid` : other, phone: null };
}

function shownAs({ email, phone = null }: UserDraft, { user, identities }: CreatedUser) {
  const own = email === null ? { phone: phone ?? "" } : { email };
  return {
    user: { ...user, ...own },
    identities: identities.map((identity) => ({
      ...identity,
      email,
      identity_data: { ...identity.identity_data, ...own },
    })),
  };
}
