-- Mails and text messages on their way, written in the transaction of what they tell of, so that a
-- server that dies in between loses none. A row for nobody is written, and removed, like any other:
-- whoever asks for a code cannot tell from the time of the answer whether there is an account.
create table auth.outgoing_messages (
  id uuid primary key,
  -- What it is, for the log.
  kind text not null,
  -- The message, under a key that is not in the database: it holds a code.
  sealed bytea not null,
  -- Begun so often.
  tries smallint not null default 0,
  -- Not before; while it is being sent, when another server may take it over.
  due_at timestamptz not null,
  -- Not sent after.
  expires_at timestamptz not null
);

create index outgoing_messages_due_at_idx on auth.outgoing_messages (due_at, id);

alter table auth.outgoing_messages enable row level security;
revoke all on auth.outgoing_messages from public, anon, authenticated, service_role;
