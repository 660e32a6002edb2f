-- Who may do what. The visitor and the anonymous caller read and write the harbour; the clerk also
-- sees the office; the master may only read its name.
create table api.secrets (id int primary key, word text);
create table api.wages (id int primary key, name text, pay int);
create table api.cabins (
  id int primary key,
  owner text not null,
  door int
);
alter table api.cabins enable row level security;
create policy own on api.cabins to harbour_clerk
  using (owner = current_setting('request.jwt.claims', true)::json ->> 'sub')
  with check (owner = current_setting('request.jwt.claims', true)::json ->> 'sub');
create view api.cabin_doors with (security_invoker = true) as select id, door from api.cabins;
create table api.orders_only (id int primary key, port_id int references api.ports);

create function api.clerk_only() returns text language sql stable as $$ select 'clerk' $$;

grant usage on schema api, archive to anon, harbour_clerk, harbour_master, harbour_visitor;
grant select, insert, update, delete on all tables in schema api to anon, harbour_clerk, harbour_visitor;
grant usage on all sequences in schema api to anon, harbour_clerk, harbour_visitor;
grant select, insert, update, delete on all tables in schema archive to anon, harbour_clerk, harbour_visitor;

revoke all on api.secrets, api.wages, api.orders_only, api.drop_box from anon, harbour_visitor;
grant select (id, name), insert on api.wages to anon;
grant insert on api.drop_box to anon;
grant select (id) on api.orders_only to anon;
revoke execute on function api.clerk_only() from public;
grant execute on function api.clerk_only() to harbour_clerk;

grant usage on schema api to "Harbour Guest";

alter role harbour_visitor set default_transaction_isolation = 'repeatable read';
alter role harbour_visitor set statement_timeout = '7s';

comment on schema api is $$Harbour API

Ships, ports and
what moves between them$$;
comment on table api.ports is $$Ports of the world

Where ships
lie$$;
comment on column api.ports.depth_m is 'Depth at low tide';
comment on table api.captains is 'Who commands';
comment on column api.captains.id is 'Number of the captain';
comment on function api.add(int, int) is $$Adds

Two numbers$$;
comment on view api.open_ports is 'Ports that take ships';
