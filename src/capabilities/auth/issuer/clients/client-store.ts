/** SQL of OAuth clients. */
import type { Executor } from "../../store.ts";
import type { ClientRow } from "../schema.ts";
import type { ClientMetadata } from "./client-metadata.ts";

export interface ClientPage {
  readonly clients: readonly ClientRow[];
  readonly total: number;
}

export type ClientPatch = Partial<
  Omit<ClientMetadata, "client_type"> & Pick<ClientRow, "client_secret_hash">
> & { readonly updated_at: Date };

/** Taken by whoever counts and adds, so that two cannot pass a bound together. */
const REGISTRATION_LOCK = "auth.oauth_clients";

export function clientStore(sql: Executor) {
  return {
    async find(id: string): Promise<ClientRow | null> {
      const [row] = await sql<ClientRow[]>`select * from auth.oauth_clients where id = ${id}`;
      return row ?? null;
    },
    /** Whoever changes it waits here. */
    async lock(id: string): Promise<ClientRow | null> {
      const [row] = await sql<ClientRow[]>`
        select * from auth.oauth_clients where id = ${id} for update`;
      return row ?? null;
    },
    async insert(client: Omit<ClientRow, "last_used_at">): Promise<void> {
      await sql`insert into auth.oauth_clients ${sql(client as unknown as Record<string, never>)}`;
    },
    async update(id: string, patch: ClientPatch): Promise<ClientRow | null> {
      const [row] = await sql<ClientRow[]>`
        update auth.oauth_clients set ${sql(patch as unknown as Record<string, never>)}
        where id = ${id} returning *`;
      return row ?? null;
    },
    /** Its sessions, consents and requests go with it. */
    async remove(id: string): Promise<ClientRow | null> {
      const [row] = await sql<ClientRow[]>`
        delete from auth.oauth_clients where id = ${id} returning *`;
      return row ?? null;
    },
    /** Newest first. */
    async list(limit: number, offset: number): Promise<ClientPage> {
      const clients = await sql<ClientRow[]>`
        select * from auth.oauth_clients order by created_at desc, id
        limit ${limit} offset ${offset}`;
      const [count] = await sql<{ total: number }[]>`
        select count(*)::float8 as total from auth.oauth_clients`;
      return { clients: [...clients], total: count?.total ?? 0 };
    },
    /** How many have registered themselves; nobody else counts until this transaction ends. */
    async countDynamic(): Promise<number> {
      await sql`select pg_advisory_xact_lock(hashtextextended(${REGISTRATION_LOCK}, 0))`;
      const [count] = await sql<{ total: number }[]>`
        select count(*)::float8 as total from auth.oauth_clients
        where registration_type = 'dynamic'`;
      return count?.total ?? 0;
    },
    /** Removes self-registered clients from before `before` that were never given a token; the count. */
    async removeUnused(before: Date): Promise<number> {
      const { count } = await sql`
        delete from auth.oauth_clients
        where registration_type = 'dynamic' and last_used_at is null and created_at < ${before}`;
      return count;
    },
    async markUsed(id: string, now: Date): Promise<void> {
      await sql`update auth.oauth_clients set last_used_at = ${now} where id = ${id}`;
    },
  };
}
