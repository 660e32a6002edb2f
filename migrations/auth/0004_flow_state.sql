-- Sign-ins that a browser carries from one place to the next: the client keeps a verifier, we keep
-- its challenge (RFC 7636), and a code that stands for the person is exchanged for their session.

create type auth.code_challenge_method as enum ('s256', 'plain');

create table auth.flow_state (
  id uuid primary key,
  -- Who it is: known from the start (a mailed link) or once the provider has answered.
  user_id uuid references auth.users (id) on delete cascade,
  -- sha256 of the code; the code itself is never stored.
  auth_code_hash bytea unique check (length(auth_code_hash) = 32),
  code_challenge_method auth.code_challenge_method not null,
  code_challenge text not null,
  -- The way in: email, phone, or the name of a provider.
  provider_type text not null,
  -- What becomes the session's `amr`.
  authentication_method text not null,
  -- The provider's own tokens, sealed by a key made from the code: the table alone opens nothing.
  provider_tokens bytea,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  auth_code_issued_at timestamptz
);

create index flow_state_user_id_idx on auth.flow_state (user_id);
create index flow_state_created_at_idx on auth.flow_state (created_at);

-- The address whose owner proved to hold it: by a mailed secret, through a provider that verified
-- it, or because the project's own server vouched. An account is linked to by e-mail only while this
-- is its address, so changing the address takes the proof away.
alter table auth.users add column proven_email varchar(255);

comment on column auth.users.proven_email is
  'Address proven to be held by this person; automatic confirmation proves nothing.';

alter table auth.flow_state enable row level security;
revoke all on auth.flow_state from public, anon, authenticated, service_role;
