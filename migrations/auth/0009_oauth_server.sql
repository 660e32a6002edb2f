-- This server as an OAuth 2.1 and OpenID Connect provider: who may ask for tokens, what people
-- allowed them, and the requests under way. Table and column names are GoTrue's where it has them.
-- Secrets and codes are kept as hashes only.

create type auth.oauth_registration_type as enum ('dynamic', 'manual');
create type auth.oauth_client_type as enum ('public', 'confidential');
create type auth.oauth_authorization_status as enum
  ('pending', 'approved', 'denied', 'expired', 'exchanged');

create table auth.oauth_clients (
  id uuid primary key,
  -- sha256 of a random secret of 256 bits; null for a public client.
  client_secret_hash bytea check (length(client_secret_hash) = 32),
  registration_type auth.oauth_registration_type not null,
  client_type auth.oauth_client_type not null,
  token_endpoint_auth_method text not null
    check (token_endpoint_auth_method in ('none', 'client_secret_basic', 'client_secret_post')),
  redirect_uris text[] not null,
  grant_types text[] not null,
  -- What it may ask for at most, separated by spaces; null = whatever the server knows.
  scope text,
  client_name text not null default '',
  client_uri text,
  logo_uri text,
  tos_uri text,
  policy_uri text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- The last time it was given tokens: registrations that nobody uses are removed.
  last_used_at timestamptz,
  check ((client_type = 'public') = (token_endpoint_auth_method = 'none')),
  check ((client_type = 'confidential') = (client_secret_hash is not null))
);

create index oauth_clients_created_at_idx on auth.oauth_clients (created_at desc, id);
create index oauth_clients_unused_idx on auth.oauth_clients (created_at)
  where registration_type = 'dynamic' and last_used_at is null;

-- One request of a client for a person's consent, from its arrival to the exchange of its code.
create table auth.oauth_authorizations (
  id uuid primary key,
  authorization_id text not null unique,
  client_id uuid not null references auth.oauth_clients (id) on delete cascade,
  -- The person who opened it first; nobody else is shown it.
  user_id uuid references auth.users (id) on delete cascade,
  redirect_uri text not null,
  scope text not null,
  state text,
  nonce text,
  resource text,
  code_challenge text not null,
  prompt text[] not null default '{}',
  max_age integer,
  login_hint text,
  -- `iss` of the answer and of the ID token.
  issuer text not null,
  status auth.oauth_authorization_status not null default 'pending',
  -- sha256 of the code.
  authorization_code_hash bytea unique check (length(authorization_code_hash) = 32),
  code_expires_at timestamptz,
  -- How the person had proven themselves when they agreed.
  aal auth.aal_level,
  amr jsonb,
  authenticated_at timestamptz,
  -- What the code was exchanged for: a second use ends it.
  session_id uuid references auth.sessions (id) on delete set null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  approved_at timestamptz
);

create index oauth_authorizations_client_id_idx on auth.oauth_authorizations (client_id);
create index oauth_authorizations_user_id_idx on auth.oauth_authorizations (user_id);
create index oauth_authorizations_session_id_idx on auth.oauth_authorizations (session_id);
create index oauth_authorizations_expires_at_idx on auth.oauth_authorizations (expires_at);

create table auth.oauth_consents (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  client_id uuid not null references auth.oauth_clients (id) on delete cascade,
  -- Separated by spaces.
  scopes text not null,
  granted_at timestamptz not null,
  revoked_at timestamptz,
  unique (user_id, client_id)
);

create index oauth_consents_client_id_idx on auth.oauth_consents (client_id);

-- RFC 8628: a device without a browser waits until a person has typed its code elsewhere.
create table auth.oauth_device_codes (
  id uuid primary key,
  client_id uuid not null references auth.oauth_clients (id) on delete cascade,
  device_code_hash bytea not null unique check (length(device_code_hash) = 32),
  user_code_hash bytea not null unique check (length(user_code_hash) = 32),
  scope text not null,
  resource text,
  issuer text not null,
  status auth.oauth_authorization_status not null default 'pending',
  user_id uuid references auth.users (id) on delete cascade,
  aal auth.aal_level,
  amr jsonb,
  authenticated_at timestamptz,
  session_id uuid references auth.sessions (id) on delete set null,
  -- Where it was asked for, so that a person can tell their own device from a stranger's.
  ip inet,
  user_agent text,
  interval_s integer not null,
  polled_at timestamptz,
  created_at timestamptz not null,
  expires_at timestamptz not null
);

create index oauth_device_codes_client_id_idx on auth.oauth_device_codes (client_id);
create index oauth_device_codes_user_id_idx on auth.oauth_device_codes (user_id);
create index oauth_device_codes_session_id_idx on auth.oauth_device_codes (session_id);
create index oauth_device_codes_expires_at_idx on auth.oauth_device_codes (expires_at);

-- A session that a client was given: its refresh token is the client's, its rights are the scopes'.
alter table auth.sessions
  add column oauth_client_id uuid references auth.oauth_clients (id) on delete cascade,
  add column scopes text,
  add column oauth_resource text,
  add column oauth_issuer text,
  add column authenticated_at timestamptz;

create index sessions_oauth_client_id_idx on auth.sessions (oauth_client_id)
  where oauth_client_id is not null;

-- The command line of this very program, which signs people in by a device code.
insert into auth.oauth_clients (id, registration_type, client_type, token_endpoint_auth_method,
  redirect_uris, grant_types, client_name, created_at, updated_at)
values ('5ea0c70a-c11e-7000-8000-000000000001', 'manual', 'public', 'none', '{}',
  '{urn:ietf:params:oauth:grant-type:device_code,refresh_token}', 'Reactor command line',
  '2026-01-01', '2026-01-01');

alter table auth.oauth_clients enable row level security;
alter table auth.oauth_authorizations enable row level security;
alter table auth.oauth_consents enable row level security;
alter table auth.oauth_device_codes enable row level security;

revoke all on auth.oauth_clients, auth.oauth_authorizations, auth.oauth_consents,
  auth.oauth_device_codes from public, anon, authenticated, service_role;
