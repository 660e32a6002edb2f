-- Providers that are added while the server runs, beside those of reactor.toml. Their secrets are in
-- the vault, under auth/providers/<id>.

create table auth.custom_oauth_providers (
  id uuid primary key,
  provider_type text not null check (provider_type in ('oidc', 'oauth2')),
  -- `custom:` and a name: never that of a provider in reactor.toml.
  identifier text not null unique check (identifier like 'custom:%'),
  name text not null,
  enabled boolean not null,
  -- As `[auth.providers.<name>]` has them, without secrets.
  settings jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

alter table auth.custom_oauth_providers enable row level security;
revoke all on auth.custom_oauth_providers from public, anon, authenticated, service_role;
