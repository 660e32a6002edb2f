-- Roles, schemas and helpers that every capability and every policy stands on, under the names
-- that Supabase uses, so that policies and migrations written for it run unchanged.
--
-- Roles belong to the whole server: other databases may have made them already. An owner without
-- superuser rights (managed servers) gets as far as its rights go, with a warning for the rest.

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('authenticator', 'login noinherit'),
      ('postgres', 'nologin')
    ) as roles (name, attributes)
  loop
    continue when exists (select from pg_roles where rolname = wanted.name);
    begin
      execute format('create role %I %s', wanted.name, wanted.attributes);
    exception
      when duplicate_object or unique_violation then
        null; -- another database of this server was quicker
      when insufficient_privilege then
        if wanted.name = 'service_role' then
          begin
            create role service_role nologin noinherit;
          exception
            when duplicate_object or unique_violation then
              null;
            when insufficient_privilege then
              raise insufficient_privilege using
                message = format('%I may not create the role service_role', current_user),
                hint = 'Have an administrator run: create role service_role nologin noinherit bypassrls;';
          end;
        elsif wanted.name = 'postgres' then
          raise warning 'role "postgres" is missing and % may not create it', current_user;
        else
          raise insufficient_privilege using
            message = format('%I may not create the role %I', current_user, wanted.name),
            hint = format('Have an administrator run: create role %I %s;', wanted.name, wanted.attributes);
        end if;
    end;
  end loop;
end
$$;

-- Row security means nothing for a role that passes by it.
do $$
declare
  unsafe text;
begin
  select string_agg(rolname, ', ') into unsafe
    from pg_roles
   where (rolname in ('anon', 'authenticated') and (rolsuper or rolbypassrls))
      or (rolname = 'authenticator' and (rolsuper or rolbypassrls or rolinherit));
  if unsafe is not null then
    raise exception 'these roles of the server have rights that defeat row security: %', unsafe
      using hint = 'alter role … nosuperuser nobypassrls noinherit';
  end if;
  if not exists (select from pg_roles where rolname = 'service_role' and (rolbypassrls or rolsuper)) then
    alter role service_role bypassrls;
  end if;
exception
  when insufficient_privilege then
    raise warning 'service_role cannot bypass row security: % may not grant that right', current_user
      using hint = 'Have an administrator run: alter role service_role bypassrls;';
end
$$;

-- authenticator may become the three roles; the owner too, for views and migrations that do.
do $$
declare
  wanted record;
begin
  for wanted in
    select granted, member
      from unnest(array['anon', 'authenticated', 'service_role']) as granted,
           unnest(array['authenticator', current_user::text]) as member
     union all
    select 'postgres', current_user::text
     where current_user <> 'postgres' and exists (select from pg_roles where rolname = 'postgres')
  loop
    continue when wanted.member = current_user
      and (select rolsuper from pg_roles where rolname = current_user);
    continue when exists (
      select
        from pg_auth_members
       where roleid = (select oid from pg_roles where rolname = wanted.granted)
         and member = (select oid from pg_roles where rolname = wanted.member)
         and (wanted.member = 'authenticator' or current_setting('server_version_num')::int < 160000)
    );
    begin
      execute format('grant %I to %I', wanted.granted, wanted.member);
    exception when insufficient_privilege or invalid_grant_operation then
      if wanted.member = 'authenticator' then
        raise insufficient_privilege using
          message = format('%I may not grant the role %I to authenticator', current_user, wanted.granted),
          hint = format('Have an administrator run: grant %I to authenticator;', wanted.granted);
      end if;
      raise warning 'role "%" could not be granted to %', wanted.granted, wanted.member;
    end;
  end loop;
end
$$;

create schema if not exists reactor;
revoke all on schema reactor from public;
create schema if not exists auth;
create schema if not exists extensions;

grant usage on schema auth, extensions, public to anon, authenticated, service_role;

-- The claims come as one JSON document in request.jwt.claims; request.jwt.claim.* is the form of
-- old PostgREST versions, which existing policies may still set in their tests. A local setting
-- that has ended reads as '', not as NULL.
create or replace function auth.uid() returns uuid
  language sql stable
  return coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid;

create or replace function auth.role() returns text
  language sql stable
  return coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  );

create or replace function auth.email() returns text
  language sql stable
  return coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
  );

create or replace function auth.jwt() returns jsonb
  language sql stable
  return coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb;

grant execute on function auth.uid(), auth.role(), auth.email(), auth.jwt() to public;

-- As there: whoever makes a table in public makes it reachable; row security decides about rows.
do $$
declare
  grantees text := 'anon, authenticated, service_role';
  makers text[] := array[current_user::text];
  maker text;
begin
  if exists (select from pg_roles where rolname = 'postgres') then
    grantees := grantees || ', postgres';
    grant usage on schema auth, extensions to postgres;
    grant usage, create on schema public to postgres;
    if current_user <> 'postgres' and pg_has_role('postgres', 'member') then
      makers := makers || 'postgres'::text;
    end if;
  end if;
  execute format('grant all on all tables in schema public to %s', grantees);
  execute format('grant all on all routines in schema public to %s', grantees);
  execute format('grant all on all sequences in schema public to %s', grantees);
  foreach maker in array makers loop
    execute format('alter default privileges for role %I in schema public grant all on tables to %s', maker, grantees);
    execute format('alter default privileges for role %I in schema public grant all on routines to %s', maker, grantees);
    execute format('alter default privileges for role %I in schema public grant all on sequences to %s', maker, grantees);
  end loop;
exception when insufficient_privilege then
  raise warning 'default grants on schema public are incomplete: %', sqlerrm;
end
$$;

do $$
begin
  execute format('grant connect on database %I to authenticator', current_database());
  execute format('alter database %I set search_path = "$user", public, extensions', current_database());
exception when insufficient_privilege then
  raise warning 'the search path of the database is unchanged: %', sqlerrm
    using hint = 'Extension functions need the prefix "extensions."';
end
$$;

do $$
begin
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
exception when insufficient_privilege then
  raise warning 'publication supabase_realtime could not be created: %', sqlerrm;
end
$$;

do $$
declare
  extension text;
begin
  foreach extension in array array['pgcrypto', 'uuid-ossp'] loop
    continue when exists (select from pg_extension where extname = extension);
    if not exists (select from pg_available_extensions where name = extension) then
      raise warning 'extension % is not available on this server', extension;
      continue;
    end if;
    begin
      execute format('create extension %I with schema extensions', extension);
    exception when insufficient_privilege then
      raise warning 'extension % could not be created: %', extension, sqlerrm;
    end;
  end loop;
end
$$;
