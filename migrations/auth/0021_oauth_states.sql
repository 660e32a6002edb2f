-- Sign-ins that are at a provider: what the callback needs to know again. Of the state, the ticket and
-- the browser's secret only hashes are kept; what must be read again is sealed by the state itself.

create table auth.oauth_states (
  state_hash bytea primary key check (length(state_hash) = 32),
  -- A sign-in that was begun by a script waits for its browser under this.
  ticket_hash bytea unique check (length(ticket_hash) = 32),
  -- Sealed by the ticket: where the browser goes then.
  sealed_location bytea,
  -- The browser that left for the provider; null until it did.
  browser_hash bytea check (length(browser_hash) = 32),
  provider text not null,
  redirect_to text not null,
  flow_id uuid references auth.flow_state (id) on delete cascade,
  -- Set: the identity becomes this person's.
  link_user_id uuid references auth.users (id) on delete cascade,
  -- Sealed by the state: nonce, PKCE verifier, redirect URI.
  sealed bytea not null,
  created_at timestamptz not null
);

create index oauth_states_created_at_idx on auth.oauth_states (created_at);
create index oauth_states_flow_id_idx on auth.oauth_states (flow_id);
create index oauth_states_link_user_id_idx on auth.oauth_states (link_user_id);

alter table auth.oauth_states enable row level security;
revoke all on auth.oauth_states from public, anon, authenticated, service_role;
