/**
 * `POST /auth/v1/admin/users/import`: people of another system, with the password hashes it made and
 * the identities it knew. Each person is made, or refused, in a transaction of their own, so that one
 * bad line does not cost the others; sending the same again changes nothing.
 */
import type { TransactionSql } from "postgres";
import { createUser } from "../accounts/create-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import { createIdentityStore } from "../identities/identity-store.ts";
import { providersPatch } from "../identities/providers-of.ts";
import type { JsonObject } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { readPerson } from "./admin-create-user.ts";
import { readPasswordHash } from "./password-hash.ts";

export const IMPORT_BYTES_MAX = 2 * 1024 * 1024;
const USERS_MAX = 500;
const IDENTITIES_MAX = 20;
const PROVIDER = /^[a-z0-9][a-z0-9:_.-]{0,99}$/;

interface Result {
  /** Place in what was sent, from 0. */
  readonly index: number;
  readonly status: "created" | "refused";
  readonly id?: string;
  readonly code?: string;
  readonly message?: string;
}

/** @throws validation_failed when the body is no list of at most 500 people. */
export async function importUsers(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<{ readonly created: number; readonly results: readonly Result[] }> {
  const users = body["users"];
  if (!Array.isArray(users) || users.length > USERS_MAX) {
    throw authErrors.validation_failed(`users must be a list of at most ${USERS_MAX}`);
  }
  const results: Result[] = [];
  for (const [index, user] of users.entries()) {
    results.push({ index, ...(await importUser(state, caller, user)) });
  }
  return { created: results.filter(({ status }) => status === "created").length, results };
}

async function importUser(
  state: AuthState,
  caller: Caller,
  sent: unknown,
): Promise<Omit<Result, "index">> {
  try {
    const id = await makeUser(state, caller, sent);
    return { status: "created", id };
  } catch (error) {
    const { status, code, message } = error as { status?: number; code?: string; message?: string };
    if (code === "23505")
      return refused("identity_already_exists", "An identity is another user's");
    if (status === undefined || status >= 500) throw error;
    return refused(code ?? "", message ?? "");
  }
}

const refused = (code: string, message: string) => ({ status: "refused" as const, code, message });

async function makeUser(state: AuthState, caller: Caller, sent: unknown): Promise<string> {
  if (sent === null || typeof sent !== "object" || Array.isArray(sent)) {
    throw authErrors.validation_failed("A user must be an object");
  }
  const user = sent as JsonObject;
  // Hashing hundreds of passwords would keep everybody else from signing in.
  if (textOf(user, "password") !== "") {
    throw authErrors.validation_failed("An import takes password_hash, not password");
  }
  const draft = { ...readPerson(state, user), passwordHash: readPasswordHash(user) };
  const identities = readIdentities(user);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const created = await createUser(state, store, tx, caller, draft);
    if (!created) throw authErrors.email_exists();
    await addIdentities(state, store, tx, draft.id, identities);
  });
  return draft.id;
}

interface ImportedIdentity {
  readonly provider: string;
  readonly providerId: string;
  readonly data: JsonObject;
}

function readIdentities(user: JsonObject): readonly ImportedIdentity[] {
  const list = user["identities"] ?? [];
  if (!Array.isArray(list) || list.length > IDENTITIES_MAX) {
    throw authErrors.validation_failed(`identities must be a list of at most ${IDENTITIES_MAX}`);
  }
  return list.flatMap((one) => {
    const identity = objectOf({ identity: one ?? {} }, "identity") ?? {};
    const provider = textOf(identity, "provider");
    // The account's own are made of its address and number.
    if (provider === "email" || provider === "phone") return [];
    const providerId = textOf(identity, "provider_id") || textOf(identity, "id");
    if (!PROVIDER.test(provider) || providerId === "" || providerId.length > 255) {
      throw authErrors.validation_failed("An identity has a provider and a provider_id");
    }
    const data = { ...objectOf(identity, "identity_data"), sub: providerId };
    return [{ provider, providerId, data }];
  });
}

async function addIdentities(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  userId: string,
  identities: readonly ImportedIdentity[],
): Promise<void> {
  if (identities.length === 0) return;
  const now = state.now();
  const identityStore = createIdentityStore(tx);
  for (const identity of identities) {
    await identityStore.insert({ id: state.deps.ids.uuid(), userId, now, ...identity });
  }
  const user = await store.findUserById(userId);
  if (!user) return;
  const patch = providersPatch(user, await store.identitiesOf([userId]));
  await store.updateUser(userId, { ...patch, updated_at: now });
}
