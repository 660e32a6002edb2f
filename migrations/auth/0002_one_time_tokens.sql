-- One-time codes and links that were sent by mail or phone. Only hashes: who reads this table, or a
-- backup of it, can sign in as nobody. A row without a person stands for an address that has no
-- account: what is asked for it costs and answers the same.
create table auth.one_time_tokens (
  id uuid primary key,
  -- No foreign key: checking it would take time only where there is an account. See the trigger.
  user_id uuid,
  kind text not null check (kind in ('confirmation', 'recovery', 'email_change_new',
    'email_change_current', 'reauthentication', 'magiclink', 'invite', 'phone_change', 'phone')),
  -- The address or number it went to, normalised.
  sent_to text not null,
  -- HMAC of the code under a key that is not in the database: six digits are soon tried out.
  otp_hash bytea not null check (length(otp_hash) = 32),
  -- sha256 of the random text in the link.
  token_hash bytea not null unique check (length(token_hash) = 32),
  -- Wrong guesses at the code.
  attempts smallint not null default 0,
  -- Where the link leads; null = auth.site_url.
  redirect_to text,
  -- The account that is made when it is spent, {"user_metadata"}; null = none. Until then there is no
  -- account: nobody makes one for an address that is not theirs.
  creates jsonb,
  -- PKCE: the flow that the link ends with a code for.
  flow_id uuid,
  created_at timestamptz not null,
  otp_expires_at timestamptz not null,
  expires_at timestamptz not null
);

-- A new one takes the place of the old one.
create unique index one_time_tokens_user_key on auth.one_time_tokens (user_id, kind)
  where user_id is not null;
create unique index one_time_tokens_nobody_key on auth.one_time_tokens (sent_to, kind)
  where user_id is null;
create index one_time_tokens_sent_to_idx on auth.one_time_tokens (sent_to, kind);
create index one_time_tokens_expires_at_idx on auth.one_time_tokens (expires_at);

create function auth.forget_one_time_tokens() returns trigger language plpgsql
  security definer set search_path = '' as $$
begin
  delete from auth.one_time_tokens where user_id = old.id;
  return null;
end $$;
revoke all on function auth.forget_one_time_tokens() from public, anon, authenticated, service_role;

create trigger forget_one_time_tokens after delete on auth.users
  for each row execute function auth.forget_one_time_tokens();

alter table auth.one_time_tokens enable row level security;
revoke all on auth.one_time_tokens from public, anon, authenticated, service_role;
