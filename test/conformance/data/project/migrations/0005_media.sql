-- Domain representations: a colour is a number inside and "#rrggbb" outside.
create domain api.colour as int;
create function api.json(api.colour) returns json
  language sql immutable as $$ select to_json('#' || lpad(to_hex($1::int), 6, '0')) $$;
create function api.colour(text) returns api.colour
  language sql immutable as $$
    select (('x' || lpad(ltrim($1, '#'), 8, '0'))::bit(32)::int)::api.colour
  $$;
create function api.colour(json) returns api.colour
  language sql immutable as $$ select api.colour($1 #>> '{}') $$;
create cast (api.colour as json) with function api.json(api.colour) as implicit;
create cast (text as api.colour) with function api.colour(text) as implicit;
create cast (json as api.colour) with function api.colour(json) as implicit;

-- Only shown in another form: written and filtered as what it is.
create domain api.knots as numeric;
create function api.json(api.knots) returns json
  language sql immutable as $$ select to_json($1::text || ' kn') $$;
create cast (api.knots as json) with function api.json(api.knots) as implicit;

create table api.flags (
  id int primary key,
  name text not null,
  colour api.colour,
  wind api.knots
);
create view api.flag_view as select id, name, colour from api.flags;

create function api.all_flags() returns setof api.flags
  language sql stable as $$ select * from api.flags $$;

-- Media types: functions that return one, aggregates over one table, over any, and for any type.
create domain "text/plain" as text;
create domain "text/html" as text;
create domain "application/vnd.harbour+json" as json;
create domain "image/bmp" as bytea;
create domain "text/csv" as text;
create domain "text/tab-separated-values" as text;
create domain "*/*" as bytea;

create function api.welcome() returns "text/plain"
  language sql immutable as $$ select 'Welcome ashore'::"text/plain" $$;
create function api."page.html"() returns "text/html"
  language sql immutable as $$ select '<p>Harbour</p>'::"text/html" $$;
create function api.picture() returns "image/bmp"
  language sql immutable as $$ select '\x424d00ff'::"image/bmp" $$;
create function api.no_picture() returns "image/bmp"
  language sql stable as $$ select '\x00'::"image/bmp" where false $$;
create function api.anything() returns "*/*"
  language sql stable as $$ select 'raw'::bytea::"*/*" $$;
create function api.some_media() returns "*/*"
  language plpgsql stable as $$
declare
  wanted text := current_setting('request.headers', true)::json ->> 'accept';
begin
  if wanted not in ('app/one', '*/*') then
    raise sqlstate 'PT406' using message = 'Not Acceptable';
  end if;
  perform set_config('response.headers', '[{"Content-Type": "app/one"}]', true);
  return 'one'::bytea;
end
$$;

create function api.lamp_lines_step(state "text/plain", next api.lamps) returns "text/plain"
  language sql immutable as $$ select (state || next.id || '=' || next.colour || E'\n')::"text/plain" $$;
create aggregate api.lamp_lines(api.lamps) (
  sfunc = api.lamp_lines_step, stype = "text/plain", initcond = ''
);

create function api.lamp_csv_step(state "text/csv", next api.lamps) returns "text/csv"
  language sql immutable as $$ select (state || next.id || ';' || next.colour || E'\n')::"text/csv" $$;
create function api.lamp_csv_final(data "text/csv") returns "text/csv"
  language sql volatile as $$
    select set_config('response.headers',
      '[{"Content-Disposition": "attachment; filename=\"lamps.csv\""}]', true);
    select ('lamp;colour' || E'\n' || data)::"text/csv"
  $$;
create aggregate api.lamp_csv(api.lamps) (
  sfunc = api.lamp_csv_step, stype = "text/csv", finalfunc = api.lamp_csv_final, initcond = ''
);
create function api.all_lamps() returns setof api.lamps
  language sql stable as $$ select * from api.lamps $$;

-- For rows of any shape: a line of names, then a line a row.
create function api.tsv_step(state "text/tab-separated-values", next anyelement)
  returns "text/tab-separated-values"
  language plpgsql immutable as $$
declare
  line json := row_to_json(next);
begin
  if state = '' then
    state := (select string_agg(key, E'\t') from json_object_keys(line) key) || E'\n';
  end if;
  return state || (select string_agg(coalesce(value, ''), E'\t') from json_each_text(line)) || E'\n';
end
$$;
create aggregate api.tsv(anyelement) (
  sfunc = api.tsv_step, stype = "text/tab-separated-values", initcond = ''
);

create view api."buoys.txt" as select id from api.buoys;
create function api.buoys_txt_step(state "*/*", next api."buoys.txt") returns "*/*"
  language sql immutable as $$ select (state || (next.id || E'\n')::bytea)::"*/*" $$;
create function api.buoys_txt_final(data "*/*") returns "*/*"
  language sql volatile as $$
    select set_config('response.headers', '[{"Content-Type": "text/plain"}]', true);
    select data
  $$;
create aggregate api.buoys_txt(api."buoys.txt") (
  sfunc = api.buoys_txt_step, stype = "*/*", finalfunc = api.buoys_txt_final, initcond = ''
);
