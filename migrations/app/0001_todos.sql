-- The sample project's table: everybody's own to-do list. The database itself decides who sees what,
-- so the rule holds for every way in: HTTP, functions, jobs.
create table public.todos (
  id         bigint generated always as identity primary key,
  user_id    uuid not null default auth.uid() references auth.users (id) on delete cascade,
  title      text not null check (char_length(title) between 1 and 200),
  done       boolean not null default false,
  created_at timestamptz not null default now()
);

-- The policy looks rows up by their owner.
create index todos_user_id on public.todos (user_id);

alter table public.todos enable row level security;

create policy "people see and change their own to-dos" on public.todos
  for all to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

-- A notice board that anybody may read, so that there is something to see without signing in.
create table public.notices (
  id      bigint generated always as identity primary key,
  title   text not null,
  created_at timestamptz not null default now()
);

alter table public.notices enable row level security;

create policy "anybody reads notices" on public.notices for select to anon, authenticated using (true);

insert into public.notices (title) values ('Reactor is running'), ('Sign up and write a to-do');
