-- Computed fields and functions of every return kind.
create function api.full_name(api.captains) returns text
  language sql stable as $$ select $1.first_name || ' ' || $1.last_name $$;
create function api.initial(api.captains) returns text
  language sql stable as $$ select left($1.first_name, 1) $$;
create function api.is_old(api.ships) returns boolean
  language sql stable as $$ select $1.built < 1900 $$;
create function api.slug(api.open_ports) returns text
  language sql stable as $$ select lower($1.name) $$;
-- In the extra search path, not in the schema that is exposed.
create function public.is_new(api.ships) returns boolean
  language sql stable as $$ select $1.built > 1950 $$;

-- Computed relationships: to one, to many, to itself, from a foreign table, and one that overrides.
create function api.mentor(api.captains) returns setof api.captains rows 1
  language sql stable as $$ select * from api.captains where id = $1.mentor_id $$;
create function api.trainees(api.captains) returns setof api.captains
  language sql stable as $$ select * from api.captains where mentor_id = $1.id $$;
create function api.departures(api.ports) returns setof api.voyages
  language sql stable as $$ select * from api.voyages where origin_id = $1.id $$;
create function api.port(api.tides) returns setof api.ports rows 1
  language sql stable as $$ select * from api.ports where id = $1.port_id $$;
create function api.tides(api.ports) returns setof api.tides
  language sql stable as $$ select * from api.tides where port_id = $1.id $$;
create function api.destinations(api.ports) returns setof api.ports
  language sql stable as $$
    select p.* from api.ports p join api.routes r on r.to_port = p.id where r.from_port = $1.id
  $$;
create function api.countries(api.lamps) returns setof api.countries rows 1
  language sql stable as $$
    select c.* from api.countries c join api.ports p on p.country_code = c.code where p.id = $1.port_id
  $$;
-- Not the port that the foreign key says, but the next one.
create function api.ports(api.checked) returns setof api.ports rows 1
  language sql stable as $$ select * from api.ports where id = $1.port_id + 1 $$;

-- Scalars.
create function api.add(a int, b int) returns int
  language sql immutable as $$ select a + b $$;
create function api.greet(name text, greeting text default 'Ahoy') returns text
  language sql immutable as $$ select greeting || ', ' || name $$;
create function api.nothing() returns text
  language sql immutable as $$ select null::text $$;
create function api.hoist() returns void
  language sql as $$ select $$;
create function api.one_json() returns json
  language sql immutable as $$ select '{"k": [1, 2]}'::json $$;
create function api.scalars(top int) returns setof int
  language sql immutable as $$ select * from generate_series(1, top) $$;
create function api.int_array() returns int[]
  language sql immutable as $$ select array[3, 1, 2] $$;
create function api.kind_of(kind api.ship_kind) returns api.ship_kind
  language sql immutable as $$ select kind $$;
create function api.plus_one(arr int[]) returns int[]
  language sql immutable as $$ select array_agg(n + 1) from unnest(arr) n $$;
create function api.join_words(separator text, variadic words text[] default '{}') returns text
  language sql immutable as $$ select array_to_string(words, separator) $$;
create function api.keys_of(document json) returns text
  language sql immutable as $$ select string_agg(k, '+') from json_object_keys(document) k $$;
create function api."Camel Case"("firstArg" int, "order" text) returns json
  language sql immutable as $$ select json_build_object('firstArg', "firstArg", 'order', "order") $$;

-- Rows, sets, tables, records, out parameters.
create function api.all_ports() returns setof api.ports
  language sql stable as $$ select * from api.ports $$;
create function api.table_of_captains() returns setof api.captains
  language sql stable as $$ select * from api.captains $$;
create function api.one_port(id int) returns api.ports
  language sql stable as $$ select * from api.ports p where p.id = one_port.id $$;
create function api.ports_of(code text) returns setof api.ports
  language sql stable as $$ select * from api.ports where country_code = code $$;
create function api.squares(top int) returns table (n int, square int)
  language sql immutable as $$ select n, n * n from generate_series(1, top) n $$;
create function api.split_name(full_name text, out first text, out last text)
  language sql immutable as $$ select split_part(full_name, ' ', 1), split_part(full_name, ' ', 2) $$;
create function api.single_out(n int, out double int)
  language sql immutable as $$ select n * 2 $$;
create function api.swap(inout a int, inout b int)
  language sql immutable as $$ select b, a $$;
create function api.a_record() returns record
  language sql stable as $$ select id, name from api.ports where id = 1 $$;
create function api.records() returns setof record
  language sql stable as $$ select id, name from api.ports where id < 3 $$;
create function api.a_point() returns api.coordinates
  language sql immutable as $$ select row(1.5, 2.5)::api.coordinates $$;
create function api.no_row() returns api.ports
  language sql stable as $$ select * from api.ports where false $$;

-- Overloads: by the names of the parameters; two that cannot be told apart; unnamed parameters.
create function api.fare() returns text language sql immutable as $$ select 'no arguments' $$;
create function api.fare(age int) returns text language sql immutable as $$ select 'age ' || age $$;
create function api.fare(age int, class text) returns text
  language sql immutable as $$ select 'age ' || age || ' in ' || class $$;
create function api.twin(x int) returns int language sql immutable as $$ select x $$;
create function api.twin(x text) returns text language sql immutable as $$ select x $$;
create function api.weigh(json) returns text
  language sql immutable as $$ select ($1 ->> 'gross')::int - ($1 ->> 'tare')::int || ' net' $$;
create function api.shout(text) returns text language sql immutable as $$ select upper($1) $$;
create function api.count_bytes(bytea) returns int language sql immutable as $$ select length($1) $$;
create function api.root_tag(xml) returns text
  language sql immutable as $$ select (xpath('name(/*)', $1))[1]::text $$;
create function api.either(json) returns text language sql immutable as $$ select 'unnamed' $$;
create function api.either(named int) returns text language sql immutable as $$ select 'named' $$;

-- Volatility decides whether the transaction may write.
create function api.add_scrap(a text) returns void
  language sql volatile as $$ insert into api.scraps (a, b) values (a, 'by function') $$;
create function api.stable_writer() returns void
  language plpgsql stable as $$
begin
  insert into api.scraps (a) values ('never');
end
$$;
create function api.clear_crates() returns setof api.crates
  language sql volatile as $$ delete from api.crates returning * $$;
create function api.clear_berths() returns void
  language sql volatile as $$ delete from api.berths $$;
create procedure api.a_procedure() language sql as $$ select $$;

-- What functions can say about the answer.
create function api.teapot() returns json
  language plpgsql as $$
begin
  perform set_config('response.status', '418', true);
  return json_build_object('message', 'short and stout');
end
$$;
create function api.with_headers() returns text
  language plpgsql stable as $$
begin
  perform set_config('response.headers',
    '[{"X-Tide": "high"}, {"Set-Cookie": "a=1"}, {"Set-Cookie": "b=2"}]', true);
  return 'ok';
end
$$;
create function api.bad_status() returns text
  language sql stable as $$ select set_config('response.status', 'many', true) $$;
create function api.bad_headers() returns text
  language sql stable as $$ select set_config('response.headers', '{"X-Tide": "high"}', true) $$;
create function api.setting(name text) returns text
  language sql stable as $$ select current_setting(name, true) $$;
create function api.header(name text) returns text
  language sql stable as $$ select current_setting('request.headers', true)::json ->> name $$;
create function api.cookie(name text) returns text
  language sql stable as $$ select current_setting('request.cookies', true)::json ->> name $$;
create function api.claim(name text) returns text
  language sql stable as $$ select current_setting('request.jwt.claims', true)::json ->> name $$;
create function api.whoami() returns text language sql stable as $$ select current_user::text $$;
create function api.isolation() returns text
  language sql stable as $$ select current_setting('transaction_isolation') $$;
create function api.isolation_serializable() returns text
  language sql stable set default_transaction_isolation = 'serializable'
  as $$ select current_setting('transaction_isolation') $$;
create function api.isolation_repeatable() returns text
  language sql stable set default_transaction_isolation = 'repeatable read'
  as $$ select current_setting('transaction_isolation') $$;
create function api.read_only() returns text
  language sql stable as $$ select current_setting('transaction_read_only') $$;
create function api.read_only_volatile() returns text
  language sql volatile as $$ select current_setting('transaction_read_only') $$;
create function api.impatient() returns void
  language sql stable set statement_timeout = '20ms' as $$ select pg_sleep(30) $$;

-- Errors of every kind.
create function api.raise_it(state text, said text) returns void
  language plpgsql stable as $$
begin
  raise exception using errcode = state, message = said, detail = 'the detail', hint = 'the hint';
end
$$;
create function api.raise_plain() returns void
  language plpgsql stable as $$ begin raise exception 'plain trouble'; end $$;
create function api.raise_response() returns void
  language plpgsql stable as $$
begin
  raise sqlstate 'PGRST' using
    message = '{"code": "H001", "message": "Fog", "details": "none can see", "hint": "wait"}',
    detail = '{"status": 418, "headers": {"X-Fog": "thick"}}';
end
$$;
create function api.raise_status_text() returns void
  language plpgsql stable as $$
begin
  raise sqlstate 'PGRST' using
    message = '{"code": "H002", "message": "Ice"}',
    detail = '{"status": 332, "status_text": "Frozen", "headers": {}}';
end
$$;
create function api.raise_bad_message() returns void
  language plpgsql stable as $$
begin
  raise sqlstate 'PGRST' using message = 'INVALID', detail = '{"status": 400, "headers": {}}';
end
$$;
create function api.raise_bad_detail() returns void
  language plpgsql stable as $$
begin
  raise sqlstate 'PGRST' using message = '{"code": "H", "message": "M"}', detail = 'INVALID';
end
$$;
create function api.raise_no_detail() returns void
  language plpgsql stable as $$
begin
  raise sqlstate 'PGRST' using message = '{"code": "H", "message": "M"}';
end
$$;
create function api.divide(a int, b int) returns int
  language sql immutable as $$ select a / b $$;

create function api.root_of_harbour() returns json
  language sql immutable as $$ select '{"swagger": "2.0", "info": {"title": "Overridden"}}'::json $$;

-- Runs before each request where the configuration says so.
create function private.before_request() returns void
  language plpgsql as $$
declare
  headers json := current_setting('request.headers', true)::json;
begin
  if headers ->> 'x-gate' = 'shut' then
    raise sqlstate 'PT403' using message = 'The gate is shut', hint = 'Come tomorrow';
  end if;
  if headers ->> 'x-become' is not null then
    perform set_config('role', headers ->> 'x-become', true);
  end if;
  perform set_config('response.headers', '[{"X-Before": "seen"}]', true);
  perform set_config('harbour.mood', 'calm', true);
end
$$;
grant usage on schema private to anon, harbour_clerk;
