-- Organisations: who belongs to which, in what role, in which teams, and who is invited. As with
-- people, nobody but the owner reads or writes these tables: the service decides who may see what,
-- and policies read the claims (auth.org_id(), auth.has_permission()).

create table auth.orgs (
  id uuid primary key,
  -- Names the organisation in addresses and in X-Reactor-Org, so it must not look like an id.
  slug text not null unique check (
    slug ~ '^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$'
    and slug !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
  ),
  name text not null check (length(name) between 1 and 100),
  metadata jsonb not null default '{}',
  created_by uuid references auth.users (id) on delete set null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

comment on table auth.orgs is 'One row per organisation. Reference auth.orgs (id) from your own tables.';

-- Beside owner, admin and member, whose permissions are part of the program.
create table auth.org_roles (
  org_id uuid not null references auth.orgs (id) on delete cascade,
  name text not null check (
    name ~ '^[a-z][a-z0-9_-]{0,47}$' and name not in ('owner', 'admin', 'member')
  ),
  description text not null default '' check (length(description) <= 500),
  permissions text[] not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (org_id, name)
);

create table auth.memberships (
  org_id uuid not null references auth.orgs (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null,
  -- The organisation that a request of this person acts in unless it says otherwise.
  is_default boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (org_id, user_id)
);

create unique index memberships_default_key on auth.memberships (user_id) where is_default;
create index memberships_user_id_idx on auth.memberships (user_id, org_id);
create index memberships_role_idx on auth.memberships (org_id, role);

create table auth.teams (
  id uuid primary key,
  org_id uuid not null references auth.orgs (id) on delete cascade,
  name text not null check (length(name) between 1 and 100),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (org_id, id),
  unique (org_id, name)
);

-- Who leaves the organisation leaves its teams.
create table auth.team_members (
  org_id uuid not null,
  team_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null,
  primary key (team_id, user_id),
  foreign key (org_id, team_id) references auth.teams (org_id, id) on delete cascade,
  foreign key (org_id, user_id) references auth.memberships (org_id, user_id) on delete cascade
);

create index team_members_user_idx on auth.team_members (org_id, user_id);

create table auth.org_invitations (
  id uuid primary key,
  org_id uuid not null references auth.orgs (id) on delete cascade,
  -- Normalised. Only who has confirmed this address may accept; null: whoever has the link.
  email text,
  role text not null,
  -- sha256 of the token in the link; the token itself is never stored.
  token_hash bytea not null unique check (length(token_hash) = 32),
  invited_by uuid references auth.users (id) on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null
);

create unique index org_invitations_email_key on auth.org_invitations (org_id, email)
  where email is not null;
create index org_invitations_invited_by_idx on auth.org_invitations (invited_by);
create index org_invitations_by_email_idx on auth.org_invitations (email) where email is not null;

-- Whose place in organisations changed, and when: what older access tokens say of it no longer
-- counts. Kept as long as an access token can live.
create table auth.org_changes (
  user_id uuid primary key,
  changed_at timestamptz not null
);

create index org_changes_changed_at_idx on auth.org_changes (changed_at);

-- Somebody in more organisations or teams than a token has room for: the rest is read here, of the
-- caller alone, whom the claims prove.
create or replace function auth.orgs_of_caller() returns uuid[]
  language sql stable security definer set search_path = ''
  return coalesce(
    (select array_agg(org_id order by org_id) from auth.memberships where user_id = auth.uid()),
    '{}'
  );

create or replace function auth.teams_of_caller() returns uuid[]
  language sql stable security definer set search_path = ''
  return coalesce(
    (
      select array_agg(team_id order by team_id) from auth.team_members
      where user_id = auth.uid() and org_id = auth.org_id()
    ),
    '{}'
  );

create or replace function auth.org_ids() returns uuid[]
  language sql stable
  return case
    when nullif(current_setting('request.jwt.claims', true), '')::jsonb ? 'orgs_more'
      then auth.orgs_of_caller()
    else coalesce(auth.claim_list('orgs'), '{}')::uuid[]
  end;

create or replace function auth.team_ids() returns uuid[]
  language sql stable
  return case
    when nullif(current_setting('request.jwt.claims', true), '')::jsonb ? 'teams_more'
      then auth.teams_of_caller()
    else coalesce(auth.claim_list('teams'), '{}')::uuid[]
  end;

grant execute on function auth.orgs_of_caller(), auth.teams_of_caller() to public;

alter table auth.orgs enable row level security;
alter table auth.org_roles enable row level security;
alter table auth.memberships enable row level security;
alter table auth.teams enable row level security;
alter table auth.team_members enable row level security;
alter table auth.org_invitations enable row level security;
alter table auth.org_changes enable row level security;

revoke all on auth.orgs, auth.org_roles, auth.memberships, auth.teams, auth.team_members,
  auth.org_invitations, auth.org_changes from public, anon, authenticated, service_role;
