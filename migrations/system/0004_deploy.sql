-- Uploaded parts of a deploy, by content, until the deploy that needs them is complete; and what
-- each deploy did. Parts make a deploy resumable: what has arrived is not sent again.
create table reactor.deploy_parts (
  sha256     text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  bytes      bytea not null,
  created_at timestamptz not null default now()
);

create table reactor.deployments (
  id         uuid primary key,
  status     text not null check (status in ('running', 'complete', 'partial')),
  report     jsonb not null,
  created_at timestamptz not null default now()
);
