-- Functions: code by content, immutable versions, and the one pointer per function that a deploy or
-- a rollback moves. Every server on the database reads the same rows; nothing here is for users.
create schema if not exists functions;
revoke all on schema functions from public;

-- Grows with every change of any function: servers compare it to know what to read again.
create sequence functions.revision;

create table functions.code (
  sha256     text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  -- Modules and bundles are read whole and rarely: do not spend time compressing them again.
  bytes      bytea not null,
  created_at timestamptz not null default now()
);
alter table functions.code alter column bytes set storage external;

create table functions.functions (
  name                  text primary key check (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
  description           text not null default '',
  active_version        text not null,
  verify_jwt            boolean not null default true,
  forward_authorization boolean not null default false,
  revision              bigint not null default nextval('functions.revision'),
  created_at            timestamptz not null default now(),
  updated_at            timestamptz not null default now()
);

create table functions.versions (
  name        text not null references functions.functions (name) on delete cascade,
  -- sha256 over the code's sha256 and everything else that changes what runs.
  version     text not null check (version ~ '^[0-9a-f]{64}$'),
  runtime     text not null check (runtime in ('bun', 'wasm')),
  code_sha256 text not null references functions.code (sha256),
  size_bytes  bigint not null,
  entry       text,
  config      jsonb not null default '{}',
  env         jsonb not null default '{}',
  -- Only what was set; the rest follows the server's defaults.
  limits      jsonb not null default '{}',
  created_at  timestamptz not null default now(),
  primary key (name, version)
);
create index versions_code on functions.versions (code_sha256);

alter table functions.functions
  add constraint functions_active_version foreign key (name, active_version)
  references functions.versions (name, version) deferrable initially deferred;

create function functions.refuse_change() returns trigger language plpgsql
  set search_path = pg_catalog as $$
begin
  raise exception 'a version of a function is immutable' using errcode = 'RE001';
end
$$;
create trigger versions_immutable before update on functions.versions
  for each row execute function functions.refuse_change();

-- Every move of the pointer. Stays when the function is removed.
create table functions.deployments (
  id         bigint generated always as identity primary key,
  name       text not null,
  action     text not null check (action in ('deploy', 'settings', 'rollback', 'remove')),
  version    text not null,
  created_at timestamptz not null default now()
);
create index deployments_name on functions.deployments (name, id desc);

create table functions.log_lines (
  id         bigint generated always as identity primary key,
  name       text not null,
  version    text not null,
  request_id text,
  level      text not null check (level in ('debug', 'info', 'warn', 'error')),
  message    text not null,
  at         timestamptz not null
);
create index log_lines_name on functions.log_lines (name, id desc);

create table functions.invocations (
  id          bigint generated always as identity primary key,
  name        text not null,
  version     text not null,
  request_id  text not null,
  method      text not null,
  status      smallint not null,
  -- From arrival to the head of the answer.
  duration_ms real not null,
  cold        boolean not null,
  error_code  text,
  at          timestamptz not null
);
create index invocations_name on functions.invocations (name, id desc);
