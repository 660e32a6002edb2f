/** Organisations, an agent's key and policies out of the compiled executable, by an unchanged supabase-js. */
import { describe, expect, test } from "bun:test";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench();
const PASSWORD = "correct horse battery";
const NOTES = `
create table public.org_notes (
  id int generated always as identity primary key,
  org_id uuid not null default auth.org_id() references auth.orgs (id) on delete cascade,
  body text not null
);
alter table public.org_notes enable row level security;
create policy see on public.org_notes for select to authenticated
  using (org_id = (select auth.org_id()) and (select auth.has_permission('data:org_notes:read')));
create policy add on public.org_notes for insert to authenticated
  with check (org_id = (select auth.org_id()) and (select auth.has_permission('data:org_notes:insert')));
`;
const policy = (expected: "allow" | "deny") => `
[[policies]]
name = "no-agents"
effect = "deny"
actions = ["functions:hello:invoke"]
when = 'principal.key_kind == "agent"'

[[policies.tests]]
name = "an agent"
as = { key_kind = "agent", scopes = ["*"] }
action = "functions:hello:invoke"
expect = "${expected}"
`;

describe("the executable", () => {
  test("serves an organisation, and an agent within its scopes and the policies", async () => {
    const shop = await bench.project();
    writeFileSync(join(shop, "migrations/9000_org_notes.sql"), NOTES);
    appendFileSync(join(shop, "reactor.toml"), policy("deny"));
    const checked = await bench.run(shop, ["policy", "test", "--output", "text"]);
    expect([checked.code, checked.stdout]).toEqual([0, expect.stringContaining("✓ no-agents")]);
    const server = await bench.start(shop, ["dev", "--port", "0"]);
    const ada = createClient(server.url, server.status.publishable_key, {
      auth: { persistSession: false },
    });
    await ada.auth.signUp({ email: "ada@example.test", password: PASSWORD });
    const ask = async (path: string, body: unknown) => {
      const token = (await ada.auth.getSession()).data.session?.access_token;
      const answer = await fetch(`${server.url}/auth/v1${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return (await answer.json()) as Record<string, string>;
    };
    const org = await ask("/orgs", { name: "Acme" });
    await ada.auth.refreshSession();
    const made = await ada.from("org_notes").insert({ body: "ours" }).select("org_id");
    expect([made.error, made.data]).toEqual([null, [{ org_id: org["id"] }]]);
    const key = await ask("/api-keys", {
      ...{ name: "Agent", kind: "agent" },
      scopes: ["data:org_notes:read", "functions:hello:invoke"],
    });
    const agent = createClient(server.url, key["key"] ?? "", { auth: { persistSession: false } });
    const read = await agent.from("org_notes").select("body");
    expect([read.error, read.data]).toEqual([null, [{ body: "ours" }]]);
    const written = await agent.from("org_notes").insert({ body: "theirs" });
    expect(written.error?.code).toBe("insufficient_scope");
    const called = await fetch(`${server.url}/fn/v1/hello`, {
      headers: { apikey: key["key"] ?? "" },
    });
    expect([called.status, ((await called.json()) as { code: string }).code]).toEqual([
      403,
      "policy_denied",
    ]);
    expect((await ada.functions.invoke("hello", { method: "GET" })).error).toBeNull();
  });

  test("does not start with policies that do something else than their tests say", async () => {
    const shop = await bench.project();
    appendFileSync(join(shop, "reactor.toml"), policy("allow"));
    const { code, stderr } = await bench.run(shop, ["serve", "--port", "0"]);
    expect(code).toBe(2);
    expect(stderr).toContain("policy 'no-agents': test 'an agent': expected allow");
  });
});
