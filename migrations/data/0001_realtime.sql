-- Realtime: what SQL broadcasts, what is kept for replay, and the row policies that say who may use a
-- private channel. Names and signatures are Supabase's, so that policies, triggers and migrations
-- written for it run unchanged.
create schema if not exists realtime;
grant usage on schema realtime to anon, authenticated, service_role;

do $$
begin
  if exists (select from pg_roles where rolname = 'postgres') then
    grant usage on schema realtime to postgres;
  end if;
exception when insufficient_privilege then
  raise warning 'the role postgres may not use the schema realtime: %', sqlerrm;
end
$$;

create table realtime.messages (
  id             uuid primary key default gen_random_uuid(),
  -- Without the `realtime:` that stands before it on the wire.
  topic          text not null,
  -- `broadcast` is what is delivered; policies also meet `presence` and `persistence`.
  extension      text not null,
  event          text,
  payload        jsonb,
  binary_payload bytea,
  private        boolean not null default false,
  inserted_at    timestamp not null default (now() at time zone 'utc'),
  updated_at     timestamp not null default (now() at time zone 'utc'),
  -- Not replayed after this; the janitor goes by the age of the row.
  expires_at     timestamp,
  -- Kept for replay only: its subscribers have had it over the socket it came by.
  skip_broadcast boolean not null default false,
  -- The writing transaction. A server whose connection was lost reads on from those that had not ended.
  xid            xid8 not null default pg_current_xact_id()
);
create index messages_replay on realtime.messages (topic, inserted_at desc)
  where extension = 'broadcast' and private;
create index messages_inserted_at on realtime.messages (inserted_at);
create index messages_xid on realtime.messages (xid);

-- Nobody reads or sends on a private channel until a policy says so.
alter table realtime.messages enable row level security;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;

-- The channel that is being joined or sent to, for policies.
create function realtime.topic() returns text
  language sql stable
  return nullif(current_setting('realtime.topic', true), '');

-- Wakes the servers when the transaction commits; the row itself may be larger than a notification.
create function realtime.announce_message() returns trigger
  language plpgsql set search_path = pg_catalog as $$
begin
  perform pg_notify(
    'realtime_messages',
    new.id::text || case when new.private then ' p ' else ' u ' end
      || case when octet_length(new.topic) <= 1000 then new.topic else '' end
  );
  return null;
end
$$;
create trigger messages_announce after insert on realtime.messages
  for each row
  when (new.extension = 'broadcast' and new.event is not null and not new.skip_broadcast)
  execute function realtime.announce_message();

-- Sends a message when the transaction commits, under the caller's rights: he needs a policy for
-- insert. A message that cannot be sent does not undo what the transaction was for: it is a warning.
create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
  returns void language plpgsql as $$
declare
  message_id constant uuid := gen_random_uuid();
begin
  perform set_config('realtime.topic', topic, true);
  -- As Supabase has it: an object without an id of its own gets the message's.
  if jsonb_typeof(payload) = 'object' and not payload ? 'id' then
    payload := payload || jsonb_build_object('id', message_id);
  end if;
  insert into realtime.messages (id, topic, extension, event, payload, private)
  values (message_id, topic, 'broadcast', event, payload, private);
exception when others then
  raise warning 'the broadcast was not sent: %', sqlerrm using errcode = sqlstate;
end
$$;

create function realtime.send_binary(payload bytea, event text, topic text, private boolean default true)
  returns void language plpgsql as $$
begin
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (topic, extension, event, binary_payload, private)
  values (topic, 'broadcast', event, payload, private);
exception when others then
  raise warning 'the broadcast was not sent: %', sqlerrm using errcode = sqlstate;
end
$$;

-- For row triggers: sends the change of a row.
create function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text,
  new record, old record, level text default 'ROW'
) returns void language plpgsql as $$
begin
  if level <> 'ROW' then
    raise exception 'realtime.broadcast_changes() belongs in a trigger for each row, not for each %',
      lower(level);
  end if;
  if operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'realtime.broadcast_changes() does not know the operation %', operation;
  end if;
  perform realtime.send(
    jsonb_build_object(
      'schema', table_schema, 'table', table_name, 'operation', operation,
      'record', new, 'old_record', old
    ),
    event_name,
    topic_name
  );
end
$$;

-- A row to look for, as the owner. Without an event it is never delivered, and whoever asks below
-- takes it back.
create function realtime.place_probes() returns void
  language sql security definer set search_path = pg_catalog
begin atomic
  insert into realtime.messages (topic, extension, private)
  select realtime.topic(), extension, true from unnest(array['broadcast', 'presence']) as extension;
end;

-- What the policies on realtime.messages allow the caller on the channel realtime.topic(): read is a
-- row of it that he sees, write one that he may insert. All of it is undone before the answer.
-- Without a search path of its own: functions that policies call find the caller's.
create function realtime.permissions() returns jsonb
  language plpgsql as $$
declare
  allowed jsonb := '{}';
  wanted  text;
begin
  begin
    perform realtime.place_probes();
    begin
      select jsonb_object_agg('read_' || extension, true) into allowed
        from realtime.messages
       where topic = realtime.topic() and xid = pg_current_xact_id();
    exception when others then
      allowed := jsonb_build_object('fault', sqlerrm);
    end;
    allowed := coalesce(allowed, '{}');
    foreach wanted in array array['broadcast', 'presence', 'persistence'] loop
      begin
        insert into realtime.messages (topic, extension, private)
        values (realtime.topic(), wanted, true);
        allowed := allowed || jsonb_build_object('write_' || wanted, true);
      exception
        when insufficient_privilege then
          null;
        when others then
          allowed := allowed || jsonb_build_object('fault', sqlerrm);
      end;
    end loop;
    raise sqlstate 'RT001';
  exception when sqlstate 'RT001' then
    null;
  end;
  return allowed;
end
$$;
