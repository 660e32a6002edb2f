-- What triggers write down is bounded: while no server reads it, nothing is written. The reader says until
-- when it will have come again, in epoch seconds; in a sequence, because that is seen whatever snapshot a
-- transaction has. Truncates are told of partitions, too.
create sequence reactor.realtime_read_until minvalue 0 start with 0;

create or replace function reactor.write_change() returns trigger
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
  root oid;
begin
  if (select last_value from reactor.realtime_read_until) < extract(epoch from pg_catalog.clock_timestamp()) then
    -- A reader that comes now waits for whoever holds this: what is left out commits before it begins.
    perform pg_catalog.pg_advisory_xact_lock_shared(1919117415, 0);
    if (select last_value from reactor.realtime_read_until) < extract(epoch from pg_catalog.clock_timestamp()) then
      return null;
    end if;
  end if;
  if tg_op = 'TRUNCATE' then
    root := coalesce(pg_catalog.pg_partition_root(tg_relid), tg_relid);
    -- A truncate of the root comes for each of its partitions as well.
    if not exists (
      select from reactor.realtime_changes
       where seq is null and kind = 'T' and relation = root and xid = pg_catalog.pg_current_xact_id()
    ) then
      insert into reactor.realtime_changes (kind, relation) values ('T', root);
      perform pg_catalog.pg_notify('reactor_realtime', '');
    end if;
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
