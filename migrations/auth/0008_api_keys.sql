-- API keys of people, organisations, services and agents. A key's secrets are kept as hashes; while
-- one is exchanged for the next, both count.

create table auth.api_keys (
  id uuid primary key,
  kind text not null,
  name text not null check (length(name) between 1 and 100),
  -- The owner, as whom the key acts: a person, an organisation, or neither for the project itself.
  user_id uuid references auth.users (id) on delete cascade,
  org_id uuid references auth.orgs (id) on delete cascade,
  -- The database role of a key of the project; all others are `authenticated`.
  role text not null default 'authenticated',
  scopes text[] not null,
  -- Pending keys wait for somebody's approval; revoked ones stay for the record.
  status text not null check (status in ('pending', 'active', 'revoked')),
  requires_approval boolean not null default false,
  approved_by uuid references auth.users (id) on delete set null,
  approved_at timestamptz,
  created_by uuid references auth.users (id) on delete set null,
  expires_at timestamptz,
  -- Requests per minute; null: as auth.rate_limit_api_key says.
  rate_limit integer check (rate_limit > 0),
  -- Requests per period of UTC, or in all.
  budget_limit bigint check (budget_limit > 0),
  budget_period text check (budget_period in ('day', 'month', 'total')),
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((budget_limit is null) = (budget_period is null)),
  check (
    case kind
      when 'user' then user_id is not null and org_id is null
      when 'org' then user_id is null and org_id is not null
      when 'service' then user_id is null
      when 'agent' then num_nonnulls(user_id, org_id) = 1
      else false
    end
  ),
  check (role = 'authenticated' or (kind = 'service' and org_id is null))
);

create index api_keys_user_id_idx on auth.api_keys (user_id) where user_id is not null;
create index api_keys_org_id_idx on auth.api_keys (org_id) where org_id is not null;
create index api_keys_created_by_idx on auth.api_keys (created_by);
create index api_keys_approved_by_idx on auth.api_keys (approved_by);

create table auth.api_key_secrets (
  -- sha256 of the secret; the secret itself is never stored.
  secret_hash bytea primary key check (length(secret_hash) = 32),
  key_id uuid not null references auth.api_keys (id) on delete cascade,
  -- Null: as long as the key. Set when the next one was made.
  expires_at timestamptz,
  created_at timestamptz not null
);

create index api_key_secrets_key_id_idx on auth.api_key_secrets (key_id);

-- What servers have drawn of a key's budget, in portions that they then spend by themselves.
create table auth.api_key_budgets (
  key_id uuid not null references auth.api_keys (id) on delete cascade,
  -- 'total', or the day or month as 2026-01-31, 2026-01.
  period text not null,
  drawn bigint not null check (drawn >= 0),
  primary key (key_id, period)
);

alter table auth.api_keys enable row level security;
alter table auth.api_key_secrets enable row level security;
alter table auth.api_key_budgets enable row level security;

revoke all on auth.api_keys, auth.api_key_secrets, auth.api_key_budgets
  from public, anon, authenticated, service_role;
