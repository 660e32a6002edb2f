-- People, their identities, sessions and refresh tokens. Column names are those that migrations,
-- triggers and policies written for Supabase expect of auth.users and its neighbours; columns that
-- no statement here fills yet exist for them. Nobody but the owner reads or writes these tables:
-- the service does, and it decides what a caller may see.

create type auth.aal_level as enum ('aal1', 'aal2', 'aal3');

create table auth.users (
  instance_id uuid,
  id uuid primary key,
  aud varchar(255) not null default 'authenticated',
  role varchar(255) not null default 'authenticated',
  email varchar(255),
  encrypted_password varchar(255),
  email_confirmed_at timestamptz,
  invited_at timestamptz,
  confirmation_token varchar(255),
  confirmation_sent_at timestamptz,
  recovery_token varchar(255),
  recovery_sent_at timestamptz,
  email_change_token_new varchar(255),
  email_change varchar(255),
  email_change_sent_at timestamptz,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  is_super_admin boolean,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  phone text unique,
  phone_confirmed_at timestamptz,
  phone_change text default '',
  phone_change_token varchar(255) default '',
  phone_change_sent_at timestamptz,
  confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
  email_change_token_current varchar(255) default '',
  email_change_confirm_status smallint default 0 check (email_change_confirm_status between 0 and 2),
  banned_until timestamptz,
  reauthentication_token varchar(255) default '',
  reauthentication_sent_at timestamptz,
  is_sso_user boolean not null default false,
  deleted_at timestamptz,
  is_anonymous boolean not null default false
);

-- One account per address; accounts of an identity provider may repeat one.
create unique index users_email_partial_key on auth.users (email) where is_sso_user = false;
create index users_created_at_idx on auth.users (created_at desc, id);

comment on table auth.users is 'One row per person. Reference auth.users (id) from your own tables.';

create table auth.identities (
  id uuid primary key default gen_random_uuid(),
  provider_id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  identity_data jsonb not null,
  provider text not null,
  last_sign_in_at timestamptz,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  email text generated always as (lower(identity_data ->> 'email')) stored,
  unique (provider_id, provider)
);

create index identities_user_id_idx on auth.identities (user_id);
create index identities_email_idx on auth.identities (email text_pattern_ops);

-- A session is one sign-in on one device, and the family of its refresh tokens.
create table auth.sessions (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  factor_id uuid,
  aal auth.aal_level not null default 'aal1',
  -- How the person proved themselves: [{"method","timestamp"}], oldest first.
  amr jsonb not null default '[]',
  -- Time box, and the last use, which inactivity is counted from.
  not_after timestamptz,
  refreshed_at timestamptz,
  -- Set when a refresh token was used twice: the row stays so that the copies are recognised.
  revoked_at timestamptz,
  user_agent text,
  ip inet,
  tag text,
  -- Makes the successor of a refresh token from the token itself, so that two racing requests get
  -- the same one although only hashes are kept.
  refresh_token_hmac_key bytea not null
);

create index sessions_user_id_idx on auth.sessions (user_id, created_at);
create index sessions_ended_idx on auth.sessions (revoked_at) where revoked_at is not null;
create index sessions_not_after_idx on auth.sessions (not_after) where not_after is not null;

create table auth.refresh_tokens (
  id bigint generated always as identity primary key,
  session_id uuid not null references auth.sessions (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  -- sha256 of the token; the token itself is never stored.
  token_hash bytea not null unique check (length(token_hash) = 32),
  parent_id bigint references auth.refresh_tokens (id) on delete set null,
  revoked boolean not null default false,
  created_at timestamptz not null default now(),
  -- The moment of its use, once revoked.
  updated_at timestamptz not null default now()
);

create index refresh_tokens_session_id_idx on auth.refresh_tokens (session_id);
create index refresh_tokens_user_id_idx on auth.refresh_tokens (user_id);
create index refresh_tokens_parent_id_idx on auth.refresh_tokens (parent_id);
create index refresh_tokens_spent_idx on auth.refresh_tokens (updated_at) where revoked;

create table auth.audit_log_entries (
  instance_id uuid,
  id uuid primary key,
  payload json,
  created_at timestamptz default now(),
  ip_address varchar(64) not null default ''
);

create index audit_log_entries_created_at_idx on auth.audit_log_entries (created_at);

-- No policies: with row security on, only the owner sees a row even where a grant slipped in.
alter table auth.users enable row level security;
alter table auth.identities enable row level security;
alter table auth.sessions enable row level security;
alter table auth.refresh_tokens enable row level security;
alter table auth.audit_log_entries enable row level security;

revoke all on auth.users, auth.identities, auth.sessions, auth.refresh_tokens,
  auth.audit_log_entries from public, anon, authenticated, service_role;
