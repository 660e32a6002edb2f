/** `/admin/oauth/clients`: the operator's view of clients, as GoTrue has it. The secret key only. */

import { isUuid } from "../../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { authErrors } from "../../errors.ts";
import type { Reply } from "../../http/respond.ts";
import type { JsonObject } from "../../schema.ts";
import { inTransaction } from "../../store.ts";
import type { ClientRow } from "../schema.ts";
import { hashSecret, newSecret } from "./client-secret.ts";
import { type ClientPatch, clientStore } from "./client-store.ts";
import { readOperatorsMetadata, recordClient } from "./create-client.ts";
import { presentClient } from "./present-client.ts";

/** Of the command line of this program, made by a migration. */
const COMMAND_LINE = "5ea0c70a-c11e-7000-8000-000000000001";
const PAGE_SIZE = 50;
const PAGE_SIZE_MAX = 1000;

/** Newest first, `page` and `per_page` as for users, with the total and links to the neighbours. */
export async function adminListClients(
  state: AuthState,
  caller: Caller,
  query: URLSearchParams,
  url: string,
): Promise<Reply> {
  const page = countOf(query, "page", 1, 1_000_000);
  const perPage = countOf(query, "per_page", PAGE_SIZE, PAGE_SIZE_MAX);
  const store = clientStore(state.sql(caller.tenant));
  const { clients, total } = await store.list(perPage, (page - 1) * perPage);
  const last = Math.max(1, Math.ceil(total / perPage));
  const link = (to: number, rel: string) => `<${url}?page=${to}&per_page=${perPage}>; rel="${rel}"`;
  const links = [...(page < last ? [link(page + 1, "next")] : []), link(last, "last")];
  return {
    body: { clients: clients.map((client) => presentClient(client)), aud: "authenticated" },
    headers: { "X-Total-Count": String(total), Link: links.join(", ") },
  };
}

function countOf(query: URLSearchParams, name: string, fallback: number, max: number): number {
  const sent = query.get(name) ?? "";
  if (sent === "") return fallback;
  const value = Number(sent);
  if (!/^\d{1,7}$/.test(sent) || value < 1 || value > max) {
    throw authErrors.validation_failed(`${name} must be a number from 1 to ${max}`);
  }
  return value;
}

/** @throws validation_failed, oauth_client_not_found */
export async function adminGetClient(state: AuthState, caller: Caller, id: string) {
  const client = await clientStore(state.sql(caller.tenant)).find(checkedId(id));
  if (!client) throw authErrors.oauth_client_not_found();
  return presentClient(client);
}

/**
 * Only what is sent changes; whether it is public or confidential never does.
 * @throws oauth_client_not_found, oauth_client_built_in, validation_failed
 */
export async function adminUpdateClient(
  state: AuthState,
  caller: Caller,
  id: string,
  body: JsonObject,
) {
  if (Object.keys(body).length === 0) {
    throw authErrors.validation_failed("No fields provided for update");
  }
  requireOthers(id);
  return changed(state, caller, id, (client) => {
    const before = presentClient(client);
    const { client_type: type, ...after } = readOperatorsMetadata(
      state,
      { ...(before as unknown as JsonObject), ...body },
      client.registration_type === "manual",
    );
    if (type !== client.client_type) {
      throw authErrors.validation_failed("A client stays public or confidential");
    }
    return { patch: after, secret: null };
  });
}

/** The old secret is worth nothing at once. @throws validation_failed for a public client */
export function adminRegenerateSecret(state: AuthState, caller: Caller, id: string) {
  return changed(state, caller, id, (client) => {
    if (client.client_type === "public") {
      throw authErrors.validation_failed("Cannot regenerate secret for public client");
    }
    const secret = newSecret(state.deps.rng);
    return { patch: { client_secret_hash: hashSecret(secret) }, secret };
  });
}

/** Ends every session that was given to it. @throws oauth_client_not_found, oauth_client_built_in */
export async function adminDeleteClient(state: AuthState, caller: Caller, id: string) {
  const clientId = checkedId(id);
  requireOthers(clientId);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const client = await clientStore(tx).remove(clientId);
    if (!client) throw authErrors.oauth_client_not_found();
    await recordClient(state, store, tx, caller, "oauth_client_deleted", client);
  });
}

/** Without it `reactor login --device` would end, and nothing could bring it back. */
function requireOthers(id: string): void {
  if (id.toLowerCase() === COMMAND_LINE) throw authErrors.oauth_client_built_in();
}

interface Change {
  readonly patch: Omit<ClientPatch, "updated_at">;
  /** The new secret, to be shown. */
  readonly secret: string | null;
}

async function changed(
  state: AuthState,
  caller: Caller,
  id: string,
  change: (client: ClientRow) => Change,
) {
  const clientId = checkedId(id);
  return inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const clients = clientStore(tx);
    const before = await clients.lock(clientId);
    if (!before) throw authErrors.oauth_client_not_found();
    const { patch, secret } = change(before);
    const after = await clients.update(clientId, { ...patch, updated_at: state.now() });
    await recordClient(state, store, tx, caller, "oauth_client_updated", before);
    return presentClient(after ?? before, secret);
  });
}

function checkedId(id: string): string {
  if (!isUuid(id)) throw authErrors.validation_failed("invalid client_id format");
  return id;
}
