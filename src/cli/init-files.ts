/** The files of a new project. They run as they stand, and each shows one thing. */

const TOML = `# Settings of this project. Everything here has a default: an empty file works too.
# \`reactor config\` shows every setting, its value and where it came from.
# Values may name an environment variable: port = "env:PORT".

[server]
# host = "127.0.0.1"
# port = 7890
# public_url = "https://api.example.com"

[database]
# Empty: Reactor runs its own PostgreSQL in .reactor/. Any PostgreSQL 15+ works by its URL.
# url = "env:DATABASE_URL"

# Functions are found in functions/; an entry here tunes one.
# [[functions]]
# name = "hello"
# description = "Says hello"
# deadline_ms = 5000
`;

const FUNCTION = `/**
 * POST /fn/v1/hello with {"name":"Ada"}. Runs in a process of its own; saved changes are live.
 */
export default {
  async fetch(request: Request): Promise<Response> {
    const text = await request.text();
    const { name = "world" } = text === "" ? {} : (JSON.parse(text) as { name?: string });
    return Response.json({ message: \`Hello, \${name}!\` });
  },
};
`;

const MIGRATION = `-- Notes that belong to whoever wrote them. Files in this folder run once, in order of name.
create table public.notes (
  id bigint generated always as identity primary key,
  -- The notes of an account that is removed go with it.
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  title text not null check (length(title) between 1 and 200),
  body text not null default '',
  created_at timestamptz not null default now()
);

create index notes_user_id_idx on public.notes (user_id, created_at desc);

-- Row security is what keeps one person's rows from another: every table that is reached over HTTP
-- needs it, and without a policy nobody sees anything.
alter table public.notes enable row level security;

create policy "people see their own notes" on public.notes
  for select to authenticated using (user_id = (select auth.uid()));

create policy "people write their own notes" on public.notes
  for insert to authenticated with check (user_id = (select auth.uid()));

create policy "people change their own notes" on public.notes
  for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

create policy "people delete their own notes" on public.notes
  for delete to authenticated using (user_id = (select auth.uid()));

grant select, insert, update, delete on public.notes to authenticated;
`;

const IGNORE = `# Data, keys and sockets of the local server
.reactor/
node_modules/
*.backup
.env
`;

const readme = (name: string) => `# ${name}

A Reactor project: tables with row security, sign-up and functions behind one URL.

    reactor dev                   # run it; prints the URL and the keys
    reactor status                # the same again, later
    reactor deploy --dry-run      # what a server would get
    reactor doctor                # what is wrong, and what to do

Sign up, write a note and read it back, with the URL and the publishable key that \`reactor dev\`
printed:

    curl $URL/auth/v1/signup -H "apikey: $KEY" -H "content-type: application/json" \\
      -d '{"email":"ada@example.com","password":"correct horse battery"}'
    curl $URL/data/v1/notes -H "authorization: Bearer $ACCESS_TOKEN" \\
      -H "content-type: application/json" -d '{"title":"First"}'
    curl $URL/data/v1/notes -H "authorization: Bearer $ACCESS_TOKEN"
    curl $URL/fn/v1/hello -H "apikey: $KEY" -d '{"name":"Ada"}'

| Here | Is |
| --- | --- |
| \`reactor.toml\` | settings |
| \`migrations/\` | SQL, run once each, in order of name |
| \`functions/\` | TypeScript files and WASM modules, each at \`/fn/v1/<name>\` |
| \`.reactor/\` | the local server's data; not for version control |
`;

/** Path inside the project -> content. */
export function projectFiles(name: string): Readonly<Record<string, string>> {
  return {
    "reactor.toml": TOML,
    "functions/hello.ts": FUNCTION,
    "migrations/0001_notes.sql": MIGRATION,
    ".gitignore": IGNORE,
    "README.md": readme(name),
  };
}
