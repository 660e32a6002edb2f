-- Browsers that are signed in on the pages under /auth/ui: the cookie each holds stands for one
-- session, so that it shows in the person's list of devices and ends with it.

create table auth.browser_sessions (
  -- sha256 of the cookie's value; the value itself is never stored.
  token_hash bytea primary key check (length(token_hash) = 32),
  session_id uuid not null references auth.sessions (id) on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null
);

create index browser_sessions_session_id_idx on auth.browser_sessions (session_id);
create index browser_sessions_expires_at_idx on auth.browser_sessions (expires_at);

alter table auth.browser_sessions enable row level security;

revoke all on auth.browser_sessions from public, anon, authenticated, service_role;
