/** The SQL of `auth.custom_oauth_providers`. */
import type { Sql, TransactionSql } from "postgres";
import type { JsonObject } from "../schema.ts";

/** `auth.custom_oauth_providers`. */
export interface CustomProviderRow {
  readonly id: string;
  readonly provider_type: "oidc" | "oauth2";
  readonly identifier: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly settings: JsonObject;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export type CustomProviderDraft = Omit<CustomProviderRow, "id" | "created_at" | "updated_at">;

export function createCustomStore(sql: Sql | TransactionSql) {
  return {
    async list(type: string | null): Promise<readonly CustomProviderRow[]> {
      return sql<CustomProviderRow[]>`
        select * from auth.custom_oauth_providers
        where ${type}::text is null or provider_type = ${type} order by identifier limit 1000`;
    },
    async find(identifier: string): Promise<CustomProviderRow | null> {
      const [row] = await sql<CustomProviderRow[]>`
        select * from auth.custom_oauth_providers where identifier = ${identifier}`;
      return row ?? null;
    },
    /** False when the identifier is taken. */
    async insert(id: string, draft: CustomProviderDraft, now: Date): Promise<boolean> {
      const { count } = await sql`
        insert into auth.custom_oauth_providers
          (id, provider_type, identifier, name, enabled, settings, created_at, updated_at)
        values (${id}, ${draft.provider_type}, ${draft.identifier}, ${draft.name},
          ${draft.enabled}, ${sql.json(draft.settings)}, ${now}, ${now})
        on conflict do nothing`;
      return count === 1;
    },
    async update(id: string, draft: CustomProviderDraft, now: Date): Promise<void> {
      await sql`
        update auth.custom_oauth_providers
        set name = ${draft.name}, enabled = ${draft.enabled},
          settings = ${sql.json(draft.settings)}, updated_at = ${now}
        where id = ${id}`;
    },
    async remove(id: string): Promise<void> {
      await sql`delete from auth.custom_oauth_providers where id = ${id}`;
    },
  };
}
