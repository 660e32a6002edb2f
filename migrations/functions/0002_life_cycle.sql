-- A second version may take a part of the calls; secrets and environment by name (their values are
-- in the vault); what a version wants, as found at its deploy; more about each invocation.
alter table functions.functions
  add column share_version text,
  add column share_percent numeric(5, 2) check (share_percent > 0 and share_percent < 100),
  add column share_by text check (share_by in ('request', 'caller')),
  add constraint functions_share_whole
    check (num_nulls(share_version, share_percent, share_by) in (0, 3)),
  add constraint functions_share_version foreign key (name, share_version)
    references functions.versions (name, version) deferrable initially deferred;

alter table functions.versions
  drop constraint versions_runtime_check,
  add constraint versions_runtime_check check (runtime in ('bun', 'wasm', 'lambda')),
  -- {"imports": [], "hosts": [], "warnings": []}
  add column report jsonb not null default '{}';

alter table functions.deployments
  drop constraint deployments_action_check,
  add constraint deployments_action_check check (action in
    ('deploy', 'settings', 'upload', 'promote', 'share', 'unshare', 'rollback', 'remove'));

create table functions.variables (
  -- A function's name; '' = all functions. No reference: secrets are set before the first deploy too.
  owner      text not null check (owner ~ '^([a-z][a-z0-9_-]{0,62})?$'),
  kind       text not null check (kind in ('env', 'secret')),
  name       text not null check (name ~ '^[A-Za-z_][A-Za-z0-9_.-]{0,63}$'),
  revision   bigint not null default nextval('functions.revision'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (owner, kind, name)
);

alter table functions.invocations
  -- Null where they were not known: a stream that the caller left, a runtime that does not tell.
  add column bytes_in bigint,
  add column bytes_out bigint,
  add column peak_memory_bytes bigint,
  -- It went to the version that has a part of the calls.
  add column shared boolean not null default false;
