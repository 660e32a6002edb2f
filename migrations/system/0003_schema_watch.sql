-- Tells the data capability when a schema changes, so that its cache follows DDL by itself: event
-- triggers write to the channel `pgrst`, as `NOTIFY pgrst, 'reload schema'` does by hand.
--
-- Only a superuser may create event triggers. On a managed server whose owner is none, nothing is
-- created; migrations or people then send the NOTIFY themselves (docs/data.md).

create or replace function reactor.notify_schema_changed() returns event_trigger
  language plpgsql
  set search_path = ''
as $$
begin
  -- Temporary objects are nobody else's; one notification a transaction is sent, however many ask.
  if tg_event = 'sql_drop' then
    if not exists (select from pg_catalog.pg_event_trigger_dropped_objects() where not is_temporary) then
      return;
    end if;
  elsif not exists (
    select from pg_catalog.pg_event_trigger_ddl_commands()
     where schema_name is distinct from 'pg_temp'
       and command_tag in (
         'CREATE SCHEMA', 'ALTER SCHEMA',
         'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE',
         'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE',
         'CREATE VIEW', 'ALTER VIEW', 'CREATE MATERIALIZED VIEW', 'ALTER MATERIALIZED VIEW',
         'CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE INDEX',
         'CREATE TYPE', 'ALTER TYPE', 'CREATE DOMAIN', 'ALTER DOMAIN',
         'GRANT', 'REVOKE', 'COMMENT'
       )
  ) then
    return;
  end if;
  perform pg_catalog.pg_notify('pgrst', 'reload schema');
end
$$;

do $$
begin
  drop event trigger if exists reactor_schema_changed;
  drop event trigger if exists reactor_schema_dropped;
  create event trigger reactor_schema_changed on ddl_command_end
    execute function reactor.notify_schema_changed();
  create event trigger reactor_schema_dropped on sql_drop
    execute function reactor.notify_schema_changed();
exception when insufficient_privilege then
  raise warning 'the schema cache cannot follow DDL by itself: %', sqlerrm
    using hint = 'Run NOTIFY pgrst, ''reload schema'' after changing the schema.';
end
$$;
