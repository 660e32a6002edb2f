/**
 * A key that waits for approval, and single requests that its owner approves: against a server with
 * identity, and one that asks it over HTTP.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asOwner, clientOf, closeClients } from "../realtime/channels-world.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

let whole: TestServer;
/** Has data alone; asks `whole` who a key is. */
let remote: TestServer;
let ada: string;
let eve: string;

const SCHEMA = `
  create table public.orders (id int primary key, owner uuid not null default auth.uid(), text text);
  alter table public.orders enable row level security;
  create policy own on public.orders using (owner = (select auth.uid()));
  create table public.safe (id int primary key);
  alter table public.safe enable row level security;
  create policy anybody on public.safe using (true);
  notify pgrst, 'reload schema';`;

/** One function, that only those may call who may read the safe. */
const POLICY = `
[[policies]]
name = "greeting"
effect = "allow"
actions = ["functions:greet:invoke"]
when = 'permits(principal.scopes, "data:safe:read")'
`;
const project = mkdtempSync(join(tmpdir(), "reactor-key-actions-"));

beforeAll(async () => {
  mkdirSync(join(project, "functions"));
  writeFileSync(join(project, "reactor.toml"), POLICY);
  writeFileSync(join(project, "functions/greet.ts"), `export default () => new Response("{}");`);
  whole = await startTestServer({
    project,
    config: { auth: { rate_limit_api_keys: 10_000, rate_limit_api_key: 0, rate_limit_orgs: 1000 } },
  });
  remote = await startTestServer({
    ...{ only: ["data"], databaseUrl: whole.ownerUrl, vaultKey: whole.vaultKey },
    config: { auth: { url: whole.url } },
  });
  await asOwner(whole, SCHEMA);
  [ada, eve] = (await Promise.all(["ada", "eve"].map(signUp))) as [string, string];
  for (const { url, secretKey } of [whole, remote]) {
    await until("the tables are known", async () => {
      const answer = await fetch(`${url}/data/v1/safe`, { headers: { apikey: secretKey } });
      return answer.status === 200;
    });
  }
});
afterAll(async () => {
  await closeClients();
  await remote.stop();
  await whole.stop();
  rmSync(project, { recursive: true });
});

async function signUp(name: string): Promise<string> {
  const { data } = await clientOf(whole).auth.signUp({
    email: `${name}@example.test`,
    password: "correct horse battery",
  });
  return data.session?.access_token ?? "";
}

interface Sent {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly server?: TestServer;
}

async function send(path: string, { method, body, headers = {}, server = whole }: Sent) {
  const answer = await fetch(`${server.url}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  const json = (text === "" ? null : JSON.parse(text)) as any;
  return { status: answer.status, body: json, code: `${answer.status} ${json?.code ?? ""}`.trim() };
}

const as = (token: string) => ({ authorization: `Bearer ${token}` });

async function makeKey(more: object = {}) {
  const body = { name: "Agent", kind: "agent", scopes: ["data:orders:*"], requires_approval: true };
  return (await send("/auth/v1/api-keys", { headers: as(ada), body: { ...body, ...more } }))
    .body as { id: string; key: string };
}

const change = async (id: string, body: object) => {
  const sent = { method: "PATCH", headers: as(ada), body };
  expect((await send(`/auth/v1/api-keys/${id}`, sent)).status).toBe(200);
};

let lastId = 0;

/** An insert that asks; `again` sends it with the id, or with something that is not the same. */
async function ask(key: string, server = whole, headers = {}) {
  lastId += 1;
  const first: Sent = { body: { id: lastId, text: "bread" }, server };
  const path = "/data/v1/orders";
  const sendWith = (approval: string, other: Sent = {}, at = path) =>
    send(at, {
      ...{ ...first, ...other },
      headers: { apikey: key, ...headers, ...other.headers, "x-reactor-approval": approval },
    });
  const asked = await sendWith("ask");
  expect(asked).toMatchObject({ code: "403 approval_required" });
  const id = asked.body.approval_id as string;
  const again = (other?: Sent, at?: string) => sendWith(id, other, at);
  return { id, again, ask: () => sendWith("ask"), row: lastId };
}

const decide = (id: string, decision: "approve" | "deny", by = ada) =>
  send(`/auth/v1/approvals/${id}/${decision}`, { method: "POST", headers: as(by) });
const waiting = async (by = ada) =>
  (await send("/auth/v1/approvals", { headers: as(by) })).body.approvals;
const rowsWith = async (id: number) =>
  (await asOwner(whole, `select 1 from public.orders where id = ${id}`)).length;

test("does one thing once its owner has approved it, on every server", async () => {
  for (const server of [whole, remote]) {
    const { key, id: keyId } = await makeKey();
    const plain = await send("/data/v1/orders", { headers: { apikey: key }, server });
    expect(plain.status).toBe(401);
    const asked = await ask(key, server);
    expect((await asked.ask()).body.approval_id).toBe(asked.id);
    expect((await asked.again()).code).toBe("403 approval_waiting");
    expect(await waiting()).toEqual([
      expect.objectContaining({
        ...{ id: asked.id, key_id: keyId, method: "POST", target: "/data/v1/orders" },
        body: JSON.stringify({ id: asked.row, text: "bread" }),
      }),
    ]);
    expect((await decide(asked.id, "approve")).status).toBe(204);
    expect((await decide(asked.id, "approve")).code).toBe("409 approval_not_waiting");
    expect((await asked.again()).status).toBe(201);
    expect((await asked.again()).code).toBe("403 approval_invalid");
    expect(await rowsWith(asked.row)).toBe(1);
    expect(await waiting()).toEqual([]);
    // Nothing else came in with it.
    expect((await send("/data/v1/orders", { headers: { apikey: key }, server })).status).toBe(401);
  }
});

test("and only that thing: not another body, query, method, header or key", async () => {
  for (const server of [whole, remote]) {
    const { key } = await makeKey();
    const { key: other } = await makeKey();
    const asked = await ask(key, server);
    await decide(asked.id, "approve");
    const wrong: Sent[] = [
      { body: { id: asked.row, text: "cake" } },
      { method: "PUT" },
      { headers: { prefer: "resolution=merge-duplicates" } },
      { headers: { "content-profile": "public" } },
      { headers: { apikey: other } },
    ];
    for (const one of wrong) {
      expect([one, (await asked.again(one)).code]).toEqual([one, "403 approval_invalid"]);
    }
    expect((await asked.again({}, "/data/v1/orders?columns=id")).code).toBe("403 approval_invalid");
    expect(await rowsWith(asked.row)).toBe(0);
    expect((await asked.again()).status).toBe(201);
  }
});

test("once, by many at once too", async () => {
  for (const server of [whole, remote]) {
    const { key } = await makeKey();
    const asked = await ask(key, server);
    await decide(asked.id, "approve");
    const codes = await Promise.all(
      Array.from({ length: 6 }, async () => (await asked.again()).code),
    );
    expect(codes.sort()).toEqual(["201", ...Array(5).fill("403 approval_invalid")]);
  }
});

test("not what was denied, what ended, and what is beyond its scopes", async () => {
  const { key, id } = await makeKey();
  const denied = await ask(key);
  expect((await decide(denied.id, "deny")).status).toBe(204);
  expect((await denied.again()).code).toBe("403 approval_denied");
  const late = await ask(key);
  await decide(late.id, "approve");
  await asOwner(
    whole,
    `update auth.api_key_actions set expires_at = now() where id = '${late.id}'`,
  );
  expect((await late.again()).code).toBe("403 approval_invalid");
  const headers = { apikey: key, "x-reactor-approval": "ask" };
  const far = await send("/data/v1/safe", { headers });
  await decide(far.body.approval_id, "approve");
  const sent = { headers: { ...headers, "x-reactor-approval": far.body.approval_id } };
  expect((await send("/data/v1/safe", sent)).code).toBe("403 insufficient_scope");
  const gone = await ask(key);
  await decide(gone.id, "approve");
  await send(`/auth/v1/api-keys/${id}`, { method: "DELETE", headers: as(ada) });
  expect((await gone.again()).status).toBe(401);
});

test("and stays good for what the key's limits, scopes or organisation refuse", async () => {
  const limits = [
    [{ rate_limit: 1 }, "429 over_request_rate_limit"],
    [{ budget: { limit: 1, period: "total" } }, "429 api_key_budget_spent"],
  ] as const;
  for (const server of [whole, remote]) {
    for (const [limit, code] of limits) {
      const { key, id } = await makeKey(limit);
      const one = await ask(key, server);
      const other = await ask(key, server);
      for (const asked of [one, other]) await decide(asked.id, "approve");
      expect((await one.again()).status).toBe(201);
      expect((await other.again()).code).toBe(code);
      await change(id, { rate_limit: null, budget: null });
      expect((await other.again()).status).toBe(201);
      expect((await other.again()).code).toBe("403 approval_invalid");
    }
    const { key, id } = await makeKey({ scopes: ["data:safe:read"] });
    const beyond = await ask(key, server);
    await decide(beyond.id, "approve");
    expect((await beyond.again()).code).toBe("403 insufficient_scope");
    await change(id, { scopes: ["data:orders:*"] });
    expect((await beyond.again()).status).toBe(201);
    expect((await beyond.again()).code).toBe("403 approval_invalid");
  }
});

test("and is asked for, and used, in the organisation that the request names", async () => {
  const slug = "bakery";
  await send("/auth/v1/orgs", { headers: as(ada), body: { name: "Bakery", slug } });
  for (const server of [whole, remote]) {
    const { key } = await makeKey();
    const asked = await ask(key, server, { "x-reactor-org": slug });
    await decide(asked.id, "approve");
    expect((await asked.again({ headers: { "x-reactor-org": "x" } })).code).toMatch(/^403/);
    expect((await asked.again()).status).toBe(201);
    expect((await asked.again()).code).toBe("403 approval_invalid");
  }
});

test("for a function: not used up by its scope or by a policy", async () => {
  const { key, id } = await makeKey({ scopes: ["data:safe:read"] });
  const call = (approval: string) =>
    send("/fn/v1/greet", { body: {}, headers: { apikey: key, "x-reactor-approval": approval } });
  const approval = (await call("ask")).body.approval_id;
  await decide(approval, "approve");
  expect((await call(approval)).code).toBe("403 insufficient_scope");
  await change(id, { scopes: ["functions:greet:invoke"] });
  expect((await call(approval)).code).toBe("403 policy_denied");
  await change(id, { scopes: ["functions:greet:invoke", "data:safe:read"] });
  expect((await call(approval)).status).toBe(200);
  expect((await call(approval)).code).toBe("403 approval_invalid");
});

test("is decided by its owner alone, and never by the key", async () => {
  const { key } = await makeKey();
  const asked = await ask(key);
  expect(await waiting(eve)).toEqual([]);
  expect((await decide(asked.id, "approve", eve)).code).toBe("404 api_key_not_found");
  expect((await decide(asked.id, "approve", key)).status).toBe(401);
  expect((await decide("x", "approve")).code).toBe("404 api_key_not_found");
  const own = await send(`/auth/v1/approvals/${asked.id}/approve`, {
    method: "POST",
    headers: { apikey: key, "x-reactor-approval": "ask" },
  });
  await decide(own.body.approval_id, "approve");
  const bySelf = await send(`/auth/v1/approvals/${asked.id}/approve`, {
    method: "POST",
    headers: { apikey: key, "x-reactor-approval": own.body.approval_id },
  });
  expect(bySelf.code).toBe("403 insufficient_scope");
  expect((await asked.again()).code).toBe("403 approval_waiting");
});

test("asks for no more than its owner can read, and says nothing that is malformed", async () => {
  const { key } = await makeKey();
  for (const approval of ["", "yes", "ASK", "00000000-0000-0000-0000-00000000000"]) {
    const answer = await send("/data/v1/orders", {
      headers: { apikey: key, "x-reactor-approval": approval },
    });
    expect([approval, answer.status]).toEqual([approval, 400]);
  }
  for (let open = 0; open < 20; open += 1) await ask(key);
  const more = await send("/data/v1/orders?limit=1", {
    headers: { apikey: key, "x-reactor-approval": "ask" },
  });
  expect(more.code).toBe("429 too_many_approvals");
  const big = await send("/data/v1/orders", {
    body: { text: "x".repeat(8 * 1024) },
    headers: { apikey: key, "x-reactor-approval": "ask" },
  });
  expect(big.status).toBe(413);
  const padded = await send("/data/v1/orders", {
    headers: { apikey: key, "x-reactor-approval": "ask", "a-pad": "x".repeat(8 * 1024) },
  });
  expect(padded.status).toBe(400);
  // Who needs no approval is not kept waiting by the header.
  const { key: free } = await makeKey({ requires_approval: false });
  const headers = { apikey: free, "x-reactor-approval": "ask" };
  expect((await send("/data/v1/orders", { headers })).status).toBe(200);
});
