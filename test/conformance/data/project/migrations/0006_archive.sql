-- A second exposed schema with a table and a function of its own, and of the same names.
create table archive.ships (
  id int primary key,
  name text not null,
  lost_in int
);
create table archive.wrecks (
  id int primary key,
  ship_id int references archive.ships,
  port_id int constraint wrecks_port_fkey references api.ports,
  depth_m int
);
create function archive.greet(name text) returns text
  language sql immutable as $$ select 'Farewell, ' || name $$;
create function archive.lost() returns setof archive.ships
  language sql stable as $$ select * from archive.ships $$;
