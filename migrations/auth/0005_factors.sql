-- Second factors, their challenges and recovery codes, and the WebAuthn credentials of passkeys and
-- of factors. Table and column names are Supabase's where it has them. No secret stands here: seeds
-- of TOTP are in the vault, codes are hashes, and a public key is public.

create type auth.factor_type as enum ('totp', 'webauthn', 'phone', 'recovery_code');
create type auth.factor_status as enum ('unverified', 'verified');

create table auth.mfa_factors (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  friendly_name text not null default '',
  factor_type auth.factor_type not null,
  status auth.factor_status not null,
  phone text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  last_challenged_at timestamptz,
  -- The newest TOTP time step that was accepted: it and those before it are spent (RFC 6238 §5.2).
  last_step bigint,
  -- Wrong answers since the last right one, and until when no answer is looked at.
  failed_attempts integer not null default 0,
  locked_until timestamptz
);

create index mfa_factors_user_id_idx on auth.mfa_factors (user_id, created_at);
create unique index mfa_factors_user_friendly_name_unique
  on auth.mfa_factors (friendly_name, user_id) where trim(friendly_name) <> '';
create unique index unique_phone_factor_per_user on auth.mfa_factors (user_id, phone);
create unique index mfa_factors_one_recovery_set
  on auth.mfa_factors (user_id) where factor_type = 'recovery_code';
create index mfa_factors_unverified_idx on auth.mfa_factors (created_at) where status = 'unverified';

create table auth.mfa_challenges (
  id uuid primary key,
  factor_id uuid not null references auth.mfa_factors (id) on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  -- Where it was asked for; it is answered from there. Text, because a Unix socket has no address.
  ip_address text not null,
  -- Of a code that was sent to a phone.
  otp_hash bytea,
  -- The random bytes an authenticator signs, and what for.
  webauthn_challenge bytea,
  webauthn_type text check (webauthn_type in ('create', 'request'))
);

create index mfa_challenges_factor_id_idx on auth.mfa_challenges (factor_id);
create index mfa_challenges_expires_at_idx on auth.mfa_challenges (expires_at);

create table auth.mfa_recovery_codes (
  factor_id uuid not null references auth.mfa_factors (id) on delete cascade,
  -- sha256: a code has 120 random bits.
  code_hash bytea not null check (length(code_hash) = 32),
  used_at timestamptz,
  primary key (factor_id, code_hash)
);

create table auth.webauthn_credentials (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  -- The second factor that it is; null = a passkey.
  factor_id uuid unique references auth.mfa_factors (id) on delete cascade,
  -- Given by the authenticator, one owner for ever (WebAuthn Level 3 §7.1 step 27).
  credential_id bytea not null unique check (length(credential_id) between 1 and 1023),
  -- COSE_Key (RFC 9052 §7).
  public_key bytea not null,
  attestation_type text not null,
  aaguid uuid not null,
  sign_count bigint not null,
  transports jsonb not null default '[]',
  backup_eligible boolean not null,
  backed_up boolean not null,
  friendly_name text not null default '',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  last_used_at timestamptz
);

create index webauthn_credentials_user_id_idx on auth.webauthn_credentials (user_id, created_at);

-- Challenges of passkeys; nobody's before a sign-in.
create table auth.webauthn_challenges (
  id uuid primary key,
  user_id uuid references auth.users (id) on delete cascade,
  challenge_type text not null check (challenge_type in ('registration', 'authentication')),
  challenge bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);

create index webauthn_challenges_user_id_idx on auth.webauthn_challenges (user_id);
create index webauthn_challenges_expires_at_idx on auth.webauthn_challenges (expires_at);

-- Factors that are gone but whose seed may still be in the vault, which no transaction here reaches.
create table auth.mfa_seeds_left (factor_id uuid primary key);

create function auth.leave_seed() returns trigger language plpgsql set search_path = '' as $$
begin
  insert into auth.mfa_seeds_left (factor_id) values (old.id) on conflict do nothing;
  return null;
end
$$;

create trigger mfa_factors_leave_seed after delete on auth.mfa_factors
  for each row when (old.factor_type = 'totp') execute function auth.leave_seed();

-- What every answer about a person says of their factors, kept beside the person: clients decide by
-- it whether to ask for a second factor, so no query may forget it.
alter table auth.users add column factors jsonb not null default '[]';

create function auth.json_time(at timestamptz) returns text language sql immutable
  set search_path = ''
  return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

create function auth.keep_factors() returns trigger language plpgsql set search_path = '' as $$
declare
  owner uuid := coalesce(new.user_id, old.user_id);
begin
  update auth.users set factors = (
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
      'id', f.id,
      'friendly_name', nullif(f.friendly_name, ''),
      'factor_type', f.factor_type,
      'status', f.status,
      'phone', f.phone,
      'created_at', auth.json_time(f.created_at),
      'updated_at', auth.json_time(f.updated_at),
      'last_challenged_at', auth.json_time(f.last_challenged_at)
    )) order by f.created_at, f.id), '[]')
    from auth.mfa_factors f where f.user_id = owner
  ) where id = owner;
  return null;
end
$$;

create trigger mfa_factors_keep after insert or delete or
  update of friendly_name, status, phone, updated_at, last_challenged_at on auth.mfa_factors
  for each row execute function auth.keep_factors();

alter table auth.mfa_factors enable row level security;
alter table auth.mfa_challenges enable row level security;
alter table auth.mfa_recovery_codes enable row level security;
alter table auth.webauthn_credentials enable row level security;
alter table auth.webauthn_challenges enable row level security;
alter table auth.mfa_seeds_left enable row level security;

revoke all on auth.mfa_factors, auth.mfa_challenges, auth.mfa_recovery_codes,
  auth.webauthn_credentials, auth.webauthn_challenges, auth.mfa_seeds_left
  from public, anon, authenticated, service_role;
revoke all on function auth.leave_seed(), auth.keep_factors(), auth.json_time(timestamptz)
  from public, anon, authenticated, service_role;
