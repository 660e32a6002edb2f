-- What row-security policies ask about the organisation that a request acts in. All of it stands in
-- the claims, so that it costs no read and holds on a server that serves data alone.
--
-- In policies, call these in a sub-select, as `(select auth.org_id())`: evaluated once a query, not
-- once a row.

-- A permission is area:resource:action. What is granted may hold * for a segment, or be * alone; what
-- is asked for is no pattern. A granted write covers insert, update and delete. The same rules as
-- src/core/permissions.ts; a test compares the two.
create or replace function auth.permits(granted text[], wanted text) returns boolean
  language sql immutable parallel safe
  return coalesce((
    select bool_or(
      one = '*'
      or (
        one ~ '^[^:]*:[^:]*:[^:]*$'
        and wanted ~ '^[^:]*:[^:]*:[^:]*$'
        and split_part(one, ':', 1) in ('*', split_part(wanted, ':', 1))
        and split_part(one, ':', 2) in ('*', split_part(wanted, ':', 2))
        and (
          split_part(one, ':', 3) in ('*', split_part(wanted, ':', 3))
          or (
            split_part(one, ':', 3) = 'write'
            and split_part(wanted, ':', 3) in ('insert', 'update', 'delete')
          )
        )
      )
    )
    from unnest(granted) as one
  ), false) and wanted is not null;

-- A list of texts in the claims; null where the claim is missing or no list.
create or replace function auth.claim_list(name text) returns text[]
  language sql stable
  return (
    select case
      when jsonb_typeof(claims -> name) = 'array'
        then array(select jsonb_array_elements_text(claims -> name))
    end
    from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as claims) as request
  );

create or replace function auth.org_id() returns uuid
  language sql stable
  return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'org_id')::uuid;

create or replace function auth.org_role() returns text
  language sql stable
  return nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'org_role';

create or replace function auth.org_ids() returns uuid[]
  language sql stable
  return coalesce(auth.claim_list('orgs'), '{}')::uuid[];

create or replace function auth.team_ids() returns uuid[]
  language sql stable
  return coalesce(auth.claim_list('teams'), '{}')::uuid[];

-- True unless an API key is asking whose scopes do not cover it.
create or replace function auth.has_scope(wanted text) returns boolean
  language sql stable
  return case
    when nullif(current_setting('request.jwt.claims', true), '')::jsonb ? 'scopes'
      then auth.permits(coalesce(auth.claim_list('scopes'), '{}'), wanted)
    else wanted is not null
  end;

-- Held in the organisation that the request acts in, and within the scopes of the key that asks. The
-- project's own secret key holds every permission.
create or replace function auth.has_permission(wanted text) returns boolean
  language sql stable
  return auth.has_scope(wanted)
    and (
      auth.permits(coalesce(auth.claim_list('permissions'), '{}'), wanted)
      or coalesce(auth.role() = 'service_role', false)
    );

grant execute on function auth.permits(text[], text), auth.claim_list(text), auth.org_id(),
  auth.org_role(), auth.org_ids(), auth.team_ids(), auth.has_scope(text), auth.has_permission(text)
  to public;
