-- Single actions that a key waiting for approval asked for. A row is there until it was used, or has
-- ended: an approval counts once, and for the request that it was asked for by.

create table auth.api_key_actions (
  id uuid primary key,
  key_id uuid not null references auth.api_keys (id) on delete cascade,
  -- Over method, target, headers and body.
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  method text not null,
  -- Path and query.
  target text not null,
  -- What whoever decides is shown of headers and body; the body's beginning.
  headers text not null,
  body text not null,
  body_bytes integer not null,
  status text not null check (status in ('pending', 'approved', 'denied')),
  created_at timestamptz not null,
  expires_at timestamptz not null
);

create unique index api_key_actions_pending_key on auth.api_key_actions (key_id, digest)
  where status = 'pending';
create index api_key_actions_key_id_idx on auth.api_key_actions (key_id);
create index api_key_actions_expires_at_idx on auth.api_key_actions (expires_at);

alter table auth.api_key_actions enable row level security;
revoke all on auth.api_key_actions from public, anon, authenticated, service_role;
