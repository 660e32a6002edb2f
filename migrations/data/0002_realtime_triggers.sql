-- Changes of tables without the write-ahead log: where the server has no logical WAL, or its owner may
-- not replicate, row triggers write them down and the change feed reads them from here.
--
-- `seq` is a change's place in the feed, given by the one server that reads: in the order of `id`, and
-- only when no transaction can commit before it any more.
create table reactor.realtime_changes (
  id bigint generated always as identity primary key,
  seq bigint,
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null default clock_timestamp(),
  -- insert, update, delete, truncate
  kind "char" not null,
  relation oid not null,
  names text[] not null default '{}',
  types oid[] not null default '{}',
  new_row text[],
  -- Of the old row: the replica identity where it changed, the whole row where it is that.
  old_row text[],
  old_names text[]
);
create unique index realtime_changes_seq on reactor.realtime_changes (seq) where seq is not null;
create index realtime_changes_pending on reactor.realtime_changes (id) where seq is null;

create table reactor.realtime_sequence (
  only_row boolean primary key default true check (only_row),
  last bigint not null default 0,
  -- Positions of another sequence mean something else.
  incarnation uuid not null default gen_random_uuid()
);
insert into reactor.realtime_sequence default values;

-- Whoever writes has no right here. Values are printed as the feed expects them, whatever the writer's
-- session has set.
create function reactor.write_change() returns trigger
  language plpgsql security definer
  set search_path = ''
  set datestyle = 'ISO'
  set intervalstyle = 'postgres'
  set timezone = 'UTC'
  set bytea_output = 'hex'
  set extra_float_digits = 1
as $$
declare
  column_names text[];
  column_types oid[];
  keys text[];
  printed text;
  key_printed text;
  now_row text[];
  old_keys text[];
  now_keys text[];
begin
  if tg_op = 'TRUNCATE' then
    insert into reactor.realtime_changes (kind, relation) values ('T', tg_relid);
    perform pg_catalog.pg_notify('reactor_realtime', '');
    return null;
  end if;
  select pg_catalog.array_agg(a.attname::text order by a.attnum),
         pg_catalog.array_agg(a.atttypid order by a.attnum),
         pg_catalog.string_agg(pg_catalog.format('($1).%I::text', a.attname), ',' order by a.attnum),
         pg_catalog.array_agg(a.attname::text order by a.attnum) filter (where i.is_key),
         pg_catalog.string_agg(pg_catalog.format('($1).%I::text', a.attname), ',' order by a.attnum)
           filter (where i.is_key)
    into column_names, column_types, printed, keys, key_printed
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    cross join lateral (
      select c.relreplident = 'f' or exists (
        select from pg_catalog.pg_index x
         where x.indrelid = c.oid and a.attnum = any (x.indkey)
           and case c.relreplident when 'i' then x.indisreplident else x.indisprimary end
      ) as is_key
    ) i
   where a.attrelid = tg_relid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';
  if tg_op <> 'DELETE' then
    execute pg_catalog.format('select array[%s]', printed) into now_row using new;
  end if;
  if tg_op <> 'INSERT' and key_printed is not null then
    execute pg_catalog.format('select array[%s]', key_printed) into old_keys using old;
  end if;
  if tg_op = 'UPDATE' and key_printed is not null then
    execute pg_catalog.format('select array[%s]', key_printed) into now_keys using new;
    -- As the log has it: an old key that is the new one is not told; a whole old row always is.
    if old_keys = now_keys and keys <> column_names then
      old_keys := null;
    end if;
  end if;
  insert into reactor.realtime_changes (kind, relation, names, types, new_row, old_row, old_names)
  values (pg_catalog.left(tg_op, 1)::"char", tg_relid, column_names, column_types, now_row, old_keys,
          case when old_keys is not null then keys end);
  perform pg_catalog.pg_notify('reactor_realtime', '');
  return null;
end
$$;
revoke all on function reactor.write_change() from public;
