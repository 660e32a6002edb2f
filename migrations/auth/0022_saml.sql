-- SAML 2.0 identity providers of organisations, under the names that Supabase's tables have.

create table auth.sso_providers (
  id uuid primary key,
  resource_id text,
  disabled boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create table auth.sso_domains (
  id uuid primary key,
  sso_provider_id uuid not null references auth.sso_providers (id) on delete cascade,
  -- Lower case.
  domain text not null unique check (domain <> ''),
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create index sso_domains_sso_provider_id_idx on auth.sso_domains (sso_provider_id);

create table auth.saml_providers (
  id uuid primary key,
  sso_provider_id uuid not null unique references auth.sso_providers (id) on delete cascade,
  entity_id text not null unique check (entity_id <> ''),
  metadata_xml text not null,
  metadata_url text,
  attribute_mapping jsonb not null default '{}',
  name_id_format text,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

alter table auth.sso_providers enable row level security;
alter table auth.sso_domains enable row level security;
alter table auth.saml_providers enable row level security;
revoke all on auth.sso_providers, auth.sso_domains, auth.saml_providers
  from public, anon, authenticated, service_role;
