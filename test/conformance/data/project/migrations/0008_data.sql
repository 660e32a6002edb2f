insert into api.countries values
  ('IS', 'Iceland', '{is}', null, '{"population": 380000, "eu": false}'),
  ('NO', 'Norway', '{no,nn}', row(59.9, 10.7), '{"population": 5400000, "eu": false}'),
  ('NZ', 'New Zealand', '{en,mi}', row(-41.3, 174.8), null),
  ('PT', 'Portugal', '{pt}', row(38.7, -9.1),
    '{"population": 10300000, "eu": true, "old names": ["Lusitania"]}');

insert into api.ports values
  (1, 'Bergen', 'NO', 22.5, '1070-01-01', true, '{fish,ferry}',
    '{"pilot": {"name": "Olav", "calls": [16, 12]}, "cranes": 3}', '{"a": 1}',
    to_tsvector('english', 'cold rainy harbour with wooden houses'), '[1,10)'),
  (2, 'Lisbon', 'PT', 14.0, '1755-11-01', true, '{ferry,wine}',
    '{"pilot": {"name": "Rui", "calls": [14]}, "cranes": 10}', '{"a": {"b": [1, 2]}}',
    to_tsvector('english', 'old harbour of brave explorers'), '[5,20)'),
  (3, 'Porto', 'PT', 12.5, '1892-03-01', false, '{wine}',
    '{"pilot": null, "cranes": 4}', null,
    to_tsvector('english', 'river harbour for sweet wines'), '[20,30)'),
  (4, 'Reykjavik', 'IS', 9.0, '1917-11-16', null, '{}', null, null,
    to_tsvector('english', 'volcanic island, fishing boats'), 'empty'),
  (5, 'Nowhere', null, null, null, null, null, null, null, null, null);

insert into api.captains values
  (1, 'Ingrid', 'Vik', '1950-04-01', null),
  (2, 'Duarte', 'Reis', '1961-09-12', 1),
  (3, 'Halla', 'Jonsdottir', '1975-01-30', 1),
  (4, 'Tomas', 'Reis', '1988-07-07', 2),
  (5, 'Nils', 'Vik', null, null);

insert into api.ships values
  (1, 'Aurora', 'schooner', 1, 1, 1921, 120.50),
  (2, 'Bela', 'brig', 2, 2, 1893, 300.00),
  (3, 'Caravela', 'galleon', null, 2, 1890, 900.25),
  (4, 'Drakkar', 'sloop', 3, null, 1985, null);

insert into api.ship_papers values
  (1, 'NO-111', '1921-05-01'),
  (2, 'PT-222', '1893-02-03');

insert into api.voyages values
  (1, 1, 1, 2, '2001-03-01 08:00+00', '2001-03-09 17:30+00', 'calm'),
  (2, 1, 2, 1, '2001-04-01 08:00+00', null, null),
  (3, 2, 2, 4, '2002-06-10 06:15+00', '2002-06-30 12:00+00', 'storm'),
  (4, 3, 2, 3, '2003-01-05 09:00+00', '2003-01-06 10:00+00', 'fog, then calm');

insert into api.crew values (1, 'Ana'), (2, 'Bo'), (3, 'Cleo'), (4, 'Dag');

insert into api.voyage_crew values
  (1, 1, 'cook'), (1, 2, 'mate'), (2, 2, 'mate'), (3, 1, 'cook'), (3, 3, 'gunner');

insert into api.cargo values
  (1, 1, 'fish', 100, 10.50, '2001-02-28'),
  (2, 1, 'wool', 50, 20.00, '2001-02-28'),
  (3, 2, 'wine', 200, 99.99, '2001-03-30'),
  (4, 3, 'wine', 80, 40.00, '2002-06-09'),
  (5, 3, 'salt', 300, 5.25, '2002-06-09'),
  (6, 4, 'cork', 20, null, '2003-01-04');

insert into api.docks values (1, 'B', null), (1, 'A', 'B'), (2, 'A', null);
insert into api.moorings values (1, 1, 'A'), (2, 1, 'A'), (3, 2, 'A'), (4, null, null);

insert into api.routes values (1, 2, 1500), (2, 1, 1500), (2, 3, 170), (1, 4, 800);

insert into api.harbour_logs values
  (1, '1999-05-01', 7), (2, '1999-05-01', 12), (1, '2000-02-29', 9);

insert into private.lamps values (1, 1, 'red', 'Per'), (2, 1, 'green', 'Ola'), (3, 2, 'white', 'Ines');

insert into api."Ship's Log" values
  (1, 'x', 'first', 'p', 'star'), (2, 'y', 'se"cond', 'q', 'sun'), (3, 'z', 'third', 'r', null);
insert into api."море" values ('Балтика', 459), ('Чёрное', 2212);
insert into api."Order Items" values (100, 'rope'), (300, 'anchor');

insert into api."hyphen-ated" values (1, 10, 'a', 'b'), (2, 20, 'c', 'd');

insert into api.items select generate_series(1, 15);
insert into api.words values
  (1, 'alpha', '{"n": 1, "s": "one", "list": [10, 20], "deep": {"x": {"y": true}}}'),
  (2, 'Beta', '{"n": 2, "s": "two", "list": [], "key with space": 1}'),
  (3, 'a,b', '{"n": 10, "s": "ten", "list": null}'),
  (4, 'say "hi"', '[1, {"a": "b"}, null]'),
  (5, 'back\slash', '"text"'),
  (6, '100%', 'null'),
  (7, null, null),
  (8, 'null', '{"n": null, "arrow->key": 1, "a.b": 2}'),
  (9, '', '{}'),
  (10, '(paren)', '7');
insert into api.moments values
  (1, '2020-01-15 12:00:00+00'), (2, '2020-07-15 12:00:00+00');

insert into api.samples values
  (1, 9007199254740993, 123456789012345678901234567890.123456789, 0.1, true, '\x00ff10',
    '2001-02-03 04:05:06.789', '2001-02-03 04:05:06.789+02', '1 day 02:03:04',
    '01890000-0000-7000-8000-00000000000a', '10.1.2.3/24', b'1010', 1234.5, '{{1,2},{3,4}}',
    '<a b="c">d</a>', '[2001-01-01 00:00+00,2001-01-02 00:00+00)', row(1, 2),
    array[row(1, 2), row(3, 4)]::api.coordinates[], 'brig'),
  (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    null, null, null);

insert into api.crates values
  (1, 'tea', 5, true, '{"from": "Assam"}', '{dry,light}'),
  (2, 'iron', 90, false, null, null),
  (3, 'silk', 12, true, '{"from": "Suzhou"}', '{dry}');
select setval('api.crates_id_seq', 3);
insert into api.boxes (width, height, code) values (2, 3, 'AB'), (4, 5, 'CD');
insert into api.berths values ('north', 1, 'Aurora', 5), ('north', 2, null, 7), ('south', 1, 'Bela', 9);
insert into api.tickets values (1, 'Ana', 'deck'), (2, 'Bo', 'cabin');
select setval('api.tickets_id_seq', 2);
insert into api.buoys values (1), (2);
insert into api.scraps values ('x', 'one'), ('y', 'two'), ('y', 'three');
insert into api.stamped values (1, 'old');
insert into api.checked values (1, 10, 1);
insert into api.readings values ('s1', 1, 11), ('s1', 2, 12), ('s2', 1, 21);
insert into api.drop_box values (1, 'first');

insert into api.flags values (1, 'signal', 16711680, 12.5), (2, 'yellow', 16776960, null), (3, 'none', null, 3);

insert into api.secrets values (1, 'xyzzy');
insert into api.wages values (1, 'Ana', 500), (2, 'Bo', 450);
insert into api.cabins values
  (1, '01890000-0000-7000-8000-0000000000aa', 11), (2, 'bo', 12),
  (3, '01890000-0000-7000-8000-0000000000aa', 13);
insert into api.orders_only values (1, 1), (2, 2);

insert into archive.ships values (1, 'Zephyr', 1801), (2, 'Yara', 1899);
insert into archive.wrecks values (1, 1, 1, 40), (2, 2, 3, 75);

refresh materialized view api.captain_tallies;
grant select on api.captain_tallies to anon;
analyze;

-- What the writing rows change goes back to this.
create table private.seeds (name text primary key, kept regclass not null);
do $$
declare
  name text;
begin
  foreach name in array array[
    'api.ports', 'api.ships', 'api.ship_papers', 'api.voyages', 'api.voyage_crew', 'api.cargo', 'api.crates',
    'api.boxes', 'api.berths', 'api.tickets', 'api.buoys', 'api.scraps', 'api.stamped',
    'api.gated', 'api.levels', 'api.wages', 'api.noisy', 'api.checked', 'api.readings', 'api.drop_box', 'api.cabins', 'api.flags',
    'api.captains', 'api.moments', 'private.lamps', 'api.samples', 'archive.ships', 'archive.wrecks',
    'api."Ship''s Log"'
  ] loop
    execute format('create table private.%I as table %s', 'seed of ' || name, name);
    insert into private.seeds values (name, format('private.%I', 'seed of ' || name)::regclass);
  end loop;
end
$$;
alter table private.seeds add columns text;
update private.seeds set columns = (
  select string_agg(quote_ident(attname), ', ' order by attnum)
    from pg_attribute
   where attrelid = seeds.name::regclass and attnum > 0 and not attisdropped and attgenerated = ''
);

create function private.reset() returns void
  language plpgsql as $$
declare
  seed record;
begin
  set local session_replication_role = 'replica'; -- neither triggers nor foreign keys
  for seed in select * from private.seeds loop
    execute format('delete from %s', seed.name);
    execute format('insert into %s (%s) overriding system value select %s from %s',
      seed.name, seed.columns, seed.columns, seed.kept);
  end loop;
  perform setval('api.crates_id_seq', 3), setval('api.boxes_id_seq', 2), setval('api.tickets_id_seq', 2);
end
$$;
