-- Root keys of the vault. A secret is sealed under a root key, a root key is sealed under each way to
-- open the vault: the master key, a passphrase, a recovery code. Changing the way in rewrites a row
-- or two; a new root key has every secret sealed anew, a few at a time.
create table reactor.vault_roots (
  tenant     text not null,
  id         integer not null check (id > 0),
  created_at timestamptz not null default now(),
  primary key (tenant, id)
);

create table reactor.vault_unlocks (
  tenant     text not null,
  root       integer not null,
  -- Tells ways of one kind apart; nothing of the key can be learned from it.
  id         text not null check (length(id) between 1 and 100),
  kind       text not null check (kind in ('key', 'passphrase', 'recovery')),
  -- How the key is derived; null where it is random.
  kdf        jsonb,
  -- Chosen, but not yet in use by any server: its first use removes the others of its kind.
  pending    boolean not null default false,
  sealed     bytea not null,
  created_at timestamptz not null default now(),
  primary key (tenant, root, id),
  foreign key (tenant, root) references reactor.vault_roots on delete cascade
);

-- Until here the master key itself was the only root.
insert into reactor.vault_roots (tenant, id)
select tenant, 1 from reactor.secrets union select tenant, 1 from reactor.vault_checks;

-- The foreign key is the fence: a root cannot go while a secret needs it, and nothing can be sealed
-- under one that has gone.
alter table reactor.secrets
  add column root integer not null default 1,
  add foreign key (tenant, root) references reactor.vault_roots;
create index secrets_root on reactor.secrets (tenant, root);
