-- A harbour: what the conformance rows read. Every kind of relationship, and columns of every shape
-- that PostgREST's documentation speaks of. Roles belong to the whole server, so they may be there.
do $$
declare
  name text;
begin
  foreach name in array array['harbour_clerk', 'harbour_master', 'harbour_visitor', 'Harbour Guest'] loop
    begin
      execute format('create role %I nologin noinherit', name);
    exception when duplicate_object or unique_violation then
      null;
    end;
    execute format('grant %I to authenticator', name);
  end loop;
end
$$;

create schema api;
create schema archive;
create schema private;

create schema if not exists extensions;
create extension file_fdw with schema extensions;

create type api.ship_kind as enum ('sloop', 'brig', 'schooner', 'galleon');
create type api.coordinates as (lat numeric(8, 6), long numeric(9, 6));

create table api.countries (
  code text primary key,
  name text not null,
  languages text[],
  location api.coordinates,
  facts jsonb
);

create table api.ports (
  id int primary key,
  name text not null,
  country_code text references api.countries,
  depth_m numeric(4, 1),
  opened date,
  is_open boolean,
  tags text[],
  info jsonb,
  plan json,
  search tsvector,
  berths int4range
);

-- One-to-many to itself.
create table api.captains (
  id int primary key,
  first_name text not null,
  last_name text not null,
  born date,
  mentor_id int references api.captains
);

-- One-to-one with captains by a unique key.
create table api.ships (
  id int primary key,
  name text not null,
  kind api.ship_kind not null,
  captain_id int unique references api.captains,
  home_port_id int constraint ships_home_port_fkey references api.ports,
  built int,
  tonnage numeric(8, 2)
);

-- One-to-one with ships by the primary key.
create table api.ship_papers (
  ship_id int primary key references api.ships,
  registry text not null,
  issued date
);

-- Two ways to ports.
create table api.voyages (
  id int primary key,
  ship_id int not null references api.ships,
  origin_id int constraint voyages_origin_fkey references api.ports,
  destination_id int constraint voyages_destination_fkey references api.ports,
  departed timestamptz not null,
  arrived timestamptz,
  remark text
);

create table api.crew (
  id int primary key,
  name text not null
);

-- A junction: many-to-many between voyages and crew.
create table api.voyage_crew (
  voyage_id int references api.voyages,
  crew_id int references api.crew,
  duty text,
  primary key (voyage_id, crew_id)
);

create table api.cargo (
  id int primary key,
  voyage_id int not null references api.voyages,
  goods text not null,
  weight int not null,
  price numeric(10, 2),
  packed date not null
);

-- A composite foreign key, and a recursive one-to-one.
create table api.docks (
  port_id int references api.ports,
  letter text,
  next_letter text,
  primary key (port_id, letter),
  unique (port_id, next_letter),
  constraint docks_next_fkey foreign key (port_id, next_letter) references api.docks
);

create table api.moorings (
  id int primary key,
  dock_port int,
  dock_letter text,
  constraint moorings_dock_fkey foreign key (dock_port, dock_letter) references api.docks
);

-- Many-to-many to itself.
create table api.routes (
  from_port int references api.ports,
  to_port int references api.ports,
  miles int not null,
  primary key (from_port, to_port)
);

create table api.harbour_logs (
  port_id int not null constraint harbour_logs_port_fkey references api.ports,
  on_day date not null,
  entries int not null,
  primary key (port_id, on_day)
) partition by range (on_day);
create table api.harbour_logs_1999 partition of api.harbour_logs
  for values from ('1999-01-01') to ('2000-01-01');
create table api.harbour_logs_2000 partition of api.harbour_logs
  for values from ('2000-01-01') to ('2001-01-01');

create server tide_files foreign data wrapper file_fdw;
create foreign table api.tides (
  id int,
  port_id int,
  height numeric(3, 1),
  word text
) server tide_files options (
  program 'printf ''1,1,0.4,low\n2,1,1.2,high\n3,2,3.1,high\n''', format 'csv'
);

-- Names that need quoting in a URL and in SQL.
create table api."Ship's Log" (
  "the day" int primary key,
  "a.b" text,
  "qu""ote" text,
  "c,d(e)" text,
  ":f*" text
);
create table api."море" (
  "имя" text primary key,
  "глубина" int
);
create table api."Order Items" (
  "Unit Price" int,
  name text
);

create table api."hyphen-ated" (
  "col-one" int primary key,
  "price$" int,
  and_more text,
  or_else text
);

-- Fifteen rows to page through.
create table api.items (
  id int primary key
);

create table api.words (
  id int primary key,
  word text,
  body jsonb
);

create table api.moments (
  id int primary key,
  at timestamptz not null
);

-- Several types in one place.
create table api.samples (
  id int primary key,
  big bigint,
  exact numeric,
  real_number double precision,
  flag boolean,
  bytes bytea,
  moment timestamp,
  zone timestamptz,
  span interval,
  uid uuid,
  ip inet,
  bits bit(4),
  cash money,
  matrix int[][],
  document xml,
  period tstzrange,
  pair api.coordinates,
  pairs api.coordinates[],
  kind api.ship_kind
);
