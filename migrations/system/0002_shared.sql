-- What every capability stands on: key-value pairs, events, leases, limits, idempotency, secrets.
-- Each table carries the tenant, although a tenant has its own database today: a key that forgets
-- the tenant must fail in review, not in production. Times are the database's own, so that servers
-- whose clocks differ agree. No role but the owner may use the schema.
create schema if not exists reactor;

-- Keys compare by bytes, so that listing by prefix is a range of the primary key.
create table reactor.kv (
  tenant     text not null,
  key        text collate "C" not null check (octet_length(key) between 1 and 512),
  value      bytea not null check (octet_length(value) <= 1048576),
  version    bigint not null,
  expires_at timestamptz,
  primary key (tenant, key)
);
create index kv_expires_at on reactor.kv (expires_at) where expires_at is not null;
-- One sequence for all keys: a key that is deleted and made again never repeats a version.
create sequence reactor.kv_versions;

-- The transactional outbox. `turn` is the writing transaction's id, moved by `events_clock.shift`:
-- an event may be read once every smaller turn has ended, and readers go by (turn, id). Going by id
-- alone would lose events: a transaction that drew a small id can commit after one that drew a
-- larger id was read, although its transaction id is the larger one.
-- A dump restored into another cluster meets smaller transaction ids than it was written with;
-- `events_adopt()` raises the shift so that new turns follow the old ones.
create table reactor.events_clock (
  one   boolean primary key default true check (one),
  shift bigint not null
);
insert into reactor.events_clock (shift) values (0);

create function reactor.events_turn() returns bigint
  language sql volatile set search_path = pg_catalog
  return pg_current_xact_id()::text::bigint + (select shift from reactor.events_clock);

create table reactor.events (
  id      bigint generated always as identity primary key,
  turn    bigint not null default reactor.events_turn(),
  tenant  text not null default 'default',
  type    text not null check (type ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$'),
  subject text not null check (length(subject) <= 512),
  data    jsonb not null,
  at      timestamptz not null default now()
);
create index events_order on reactor.events (tenant, turn, id);

create table reactor.event_cursors (
  tenant text not null,
  name   text not null check (length(name) between 1 and 200),
  turn   bigint not null default 0,
  id     bigint not null default 0,
  primary key (tenant, name)
);

-- Turns of this cluster are below the snapshot's xmax; larger ones came with a restored dump.
create function reactor.events_adopt() returns void
  language sql volatile set search_path = pg_catalog
begin atomic
  update reactor.events_clock
  set shift = foreign_turn.largest + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint
  from (
    select greatest(
      (select max(turn) from reactor.events),
      (select max(turn) from reactor.event_cursors)
    ) as largest
  ) as foreign_turn
  where foreign_turn.largest
    >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint + reactor.events_clock.shift;
end;

-- A released lease keeps its row (no holder), so that its epoch never starts again.
create table reactor.leases (
  tenant     text not null,
  name       text not null check (length(name) between 1 and 200),
  holder     text,
  epoch      bigint not null,
  expires_at timestamptz not null,
  primary key (tenant, name)
);

-- Lost with a crash of the database, which only forgives.
create unlogged table reactor.rate_limits (
  tenant  text not null,
  key     text not null check (length(key) <= 512),
  -- The moment at which the whole budget is free again (GCRA's theoretical arrival time).
  full_at timestamptz not null,
  allowed boolean not null,
  primary key (tenant, key)
) with (fillfactor = 50);
create index rate_limits_full_at on reactor.rate_limits (full_at);

-- `id` = sha256 of tenant, scope and key: fixed size, whatever the client sends.
create table reactor.idempotency (
  id          bytea primary key check (octet_length(id) = 32),
  tenant      text not null,
  fingerprint text not null,
  token       text not null,
  ttl_ms      bigint not null,
  -- Null until the answer is known.
  status      smallint,
  headers     text,
  body        bytea,
  -- Of the claim while there is no answer, then of the answer.
  expires_at  timestamptz not null
);
create index idempotency_expires_at on reactor.idempotency (expires_at);

-- `sealed` is null in the newest row of a deleted path, which keeps its version from coming back.
create table reactor.secrets (
  tenant     text not null,
  path       text collate "C" not null,
  version    integer not null check (version > 0),
  sealed     bytea,
  created_at timestamptz not null default now(),
  primary key (tenant, path, version)
);

-- A known text sealed under the master key: tells a wrong key from a damaged secret.
create table reactor.vault_checks (
  tenant text primary key,
  sealed bytea not null
);
