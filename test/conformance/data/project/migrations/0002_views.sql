-- Views of every kind: updatable, nested, joined, materialized, and with triggers in place of rules.
create view api.open_ports as
  select id, name, country_code, depth_m from api.ports where is_open;

create view api.deep_ports as
  select id, name, country_code from api.open_ports where depth_m > 20;

create view api.voyage_overview as
  select v.id, v.ship_id, s.name as ship_name, v.origin_id as from_id
    from api.voyages v
    join api.ships s on s.id = v.ship_id;

-- The base table lives outside of the exposed schemas.
create table private.lamps (
  id int primary key,
  port_id int constraint lamps_port_fkey references api.ports,
  colour text,
  keeper text
);
create view api.lamps as select id, port_id, colour from private.lamps;

create materialized view api.captain_tallies as
  select c.id, c.last_name, c.mentor_id, count(s.id)::int as ships
    from api.captains c
    left join api.ships s on s.captain_id = c.id
   group by c.id;

create view api.everyone as
  select first_name as name from api.captains
  union all
  select name from api.crew;

create view api.no_primary as select name, country_code from api.ports;

create sequence api.visits;
create view api.visit_counter as select nextval('api.visits');

-- Cannot be updated by Postgres itself; triggers allow each verb alone or all of them.
create view api.counted_ports as select id, name, count(*) over () as total from api.ports;
create view api.insertable_ports as select id, name, count(*) over () as total from api.ports;
create view api.updatable_ports as select id, name, count(*) over () as total from api.ports;
create view api.deletable_ports as select id, name, count(*) over () as total from api.ports;
create view api.triggered_ports as select id, name, count(*) over () as total from api.ports;

create function private.through_view() returns trigger
  language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into api.ports (id, name) values (new.id, new.name);
    return new;
  elsif tg_op = 'UPDATE' then
    update api.ports set name = new.name where id = old.id;
    return new;
  end if;
  delete from api.ports where id = old.id;
  return old;
end
$$;

create trigger through_view instead of insert on api.insertable_ports
  for each row execute function private.through_view();
create trigger through_view instead of update on api.updatable_ports
  for each row execute function private.through_view();
create trigger through_view instead of delete on api.deletable_ports
  for each row execute function private.through_view();
create trigger through_view instead of insert or update or delete on api.triggered_ports
  for each row execute function private.through_view();
