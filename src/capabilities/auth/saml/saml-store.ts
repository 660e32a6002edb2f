/** The SQL of SAML identity providers. */
import type { Sql, TransactionSql } from "postgres";
import type { JsonObject } from "../schema.ts";

export interface SsoDomain {
  readonly domain: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** `auth.sso_providers` with its `auth.saml_providers` and `auth.sso_domains`. */
export interface SsoProvider {
  readonly id: string;
  readonly resource_id: string | null;
  readonly disabled: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly entity_id: string;
  readonly metadata_xml: string;
  readonly metadata_url: string | null;
  readonly attribute_mapping: JsonObject;
  readonly name_id_format: string | null;
  readonly metadata_at: Date;
  readonly domains: readonly SsoDomain[];
}

/** What is written of one. */
export interface SsoDraft {
  readonly resourceId: string | null;
  readonly disabled: boolean;
  readonly entityId: string;
  readonly metadataXml: string;
  readonly metadataUrl: string | null;
  readonly attributeMapping: JsonObject;
  readonly nameIdFormat: string | null;
}

export function createSamlStore(sql: Sql | TransactionSql) {
  const select = sql`
    select p.id, p.resource_id, p.disabled, p.created_at, p.updated_at, s.entity_id,
      s.metadata_xml, s.metadata_url, s.attribute_mapping, s.name_id_format,
      s.updated_at as metadata_at
    from auth.sso_providers p join auth.saml_providers s on s.sso_provider_id = p.id`;
  type Row = Omit<SsoProvider, "domains">;
  const withDomains = async (rows: readonly Row[]): Promise<SsoProvider[]> => {
    if (rows.length === 0) return [];
    const domains = await sql<(SsoDomain & { sso_provider_id: string })[]>`
      select sso_provider_id, domain, created_at, updated_at from auth.sso_domains
      where sso_provider_id in ${sql(rows.map(({ id }) => id))} order by domain`;
    return rows.map((row) => {
      const own = domains.filter(({ sso_provider_id: id }) => id === row.id);
      return { ...row, domains: own.map(({ sso_provider_id: _, ...domain }) => domain) };
    });
  };
  const one = async (rows: readonly Row[]) => (await withDomains(rows))[0] ?? null;
  return {
    list: async () =>
      withDomains(await sql<Row[]>`${select} order by p.created_at, p.id limit 1000`),
    find: async (id: string) => one(await sql<Row[]>`${select} where p.id = ${id}`),
    findByEntityId: async (entityId: string) =>
      one(await sql<Row[]>`${select} where s.entity_id = ${entityId}`),
    findByDomain: async (domain: string) =>
      one(
        await sql<Row[]>`
        ${select} where p.id = (
          select sso_provider_id from auth.sso_domains where domain = ${domain})`,
      ),
    /** False when another provider has the entity id. */
    async insert(id: string, samlId: string, draft: SsoDraft, now: Date): Promise<boolean> {
      await sql`
        insert into auth.sso_providers (id, resource_id, disabled, created_at, updated_at)
        values (${id}, ${draft.resourceId}, ${draft.disabled}, ${now}, ${now})`;
      const { count } = await sql`
        insert into auth.saml_providers (id, sso_provider_id, entity_id, metadata_xml,
          metadata_url, attribute_mapping, name_id_format, created_at, updated_at)
        values (${samlId}, ${id}, ${draft.entityId}, ${draft.metadataXml}, ${draft.metadataUrl},
          ${sql.json(draft.attributeMapping)}, ${draft.nameIdFormat}, ${now}, ${now})
        on conflict do nothing`;
      return count === 1;
    },
    async update(id: string, draft: SsoDraft, now: Date): Promise<void> {
      await sql`
        update auth.sso_providers
        set resource_id = ${draft.resourceId}, disabled = ${draft.disabled}, updated_at = ${now}
        where id = ${id}`;
      await sql`
        update auth.saml_providers
        set metadata_xml = ${draft.metadataXml}, metadata_url = ${draft.metadataUrl},
          attribute_mapping = ${sql.json(draft.attributeMapping)},
          name_id_format = ${draft.nameIdFormat}, updated_at = ${now}
        where sso_provider_id = ${id}`;
    },
    async refreshMetadata(id: string, xml: string, now: Date): Promise<void> {
      await sql`
        update auth.saml_providers set metadata_xml = ${xml}, updated_at = ${now}
        where sso_provider_id = ${id}`;
    },
    async clearDomains(id: string): Promise<void> {
      await sql`delete from auth.sso_domains where sso_provider_id = ${id}`;
    },
    /** False when another provider has the domain. */
    async addDomain(id: string, ssoId: string, domain: string, now: Date): Promise<boolean> {
      const { count } = await sql`
        insert into auth.sso_domains (id, sso_provider_id, domain, created_at, updated_at)
        values (${id}, ${ssoId}, ${domain}, ${now}, ${now}) on conflict do nothing`;
      return count === 1;
    },
    async remove(id: string): Promise<void> {
      await sql`delete from auth.sso_providers where id = ${id}`;
    },
  };
}
