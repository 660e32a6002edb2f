-- And policies and procedures, whose code may look at what a request brings (its headers, its cookies).
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
         'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA',
         'CREATE VIEW', 'ALTER VIEW', 'CREATE MATERIALIZED VIEW', 'ALTER MATERIALIZED VIEW',
         'CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE AGGREGATE', 'ALTER AGGREGATE',
         'CREATE PROCEDURE', 'ALTER PROCEDURE', 'CREATE POLICY', 'ALTER POLICY',
         'CREATE INDEX', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE RULE', 'ALTER RULE',
         'CREATE TYPE', 'ALTER TYPE', 'CREATE DOMAIN', 'ALTER DOMAIN', 'CREATE CAST',
         'CREATE EXTENSION', 'ALTER EXTENSION',
         'GRANT', 'REVOKE', 'COMMENT'
       )
  ) then
    return;
  end if;
  perform pg_catalog.pg_notify('pgrst', 'reload schema');
end
$$;
