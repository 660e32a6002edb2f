/** The private socket of functions: the whole surface wherever its parts run, and nothing more. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openDirect } from "../../src/postgres/databases.ts";
import { silentLog, type TestDatabase, testPostgres } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { adminOf, functionOf } from "./admin-client.ts";

/** Does with `reactor.fetch` what it is told, and tells all that came of it. */
const RELAY = `import { reactor } from "reactor";
export default async (request) => {
  const { path, ...init } = await request.json();
  const answer = await reactor.fetch(path, init);
  return Response.json({
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: await answer.text(),
  });
};`;
const NOTES = `create table public.notes (id int primary key, owner uuid default auth.uid(), text text);
alter table public.notes enable row level security;
create policy own on public.notes using (owner = auth.uid()) with check (owner = auth.uid());
grant all on public.notes to anon, authenticated, service_role;`;

interface Relayed {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function deployRelay(server: TestServer): Promise<void> {
  const admin = adminOf(server);
  await admin.upload(RELAY);
  const relay = functionOf("relay", RELAY, { forward_authorization: true });
  const report = await admin.deploy({ sections: { functions: [relay] } });
  expect(report.status).toBe("complete");
}

async function relay(
  server: TestServer,
  order: { path: string; [member: string]: unknown },
  headers: Record<string, string> = { apikey: server.secretKey },
): Promise<Relayed> {
  const answer = await fetch(`${server.url}/fn/v1/relay`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(order),
  });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Relayed;
}

async function signUp(server: TestServer, name: string) {
  const answer = await fetch(`${server.url}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: server.publishableKey, "content-type": "application/json" },
    body: JSON.stringify({ email: `${name}@example.test`, password: "correct horse battery" }),
  });
  const { access_token } = (await answer.json()) as { access_token: string };
  return { apikey: server.publishableKey, authorization: `Bearer ${access_token}` };
}

let database: TestDatabase;
let whole: TestServer;
let functions: TestServer;
let data: TestServer;

beforeAll(async () => {
  database = await (await testPostgres()).createDatabase();
  const databaseUrl = database.url;
  whole = await startTestServer({ databaseUrl });
  const remote = { databaseUrl, vaultKey: whole.vaultKey };
  data = await startTestServer({ ...remote, only: ["data"], config: { auth: { url: whole.url } } });
  functions = await startTestServer({
    ...remote,
    only: ["functions"],
    config: {
      auth: { url: whole.url },
      server: { peers: { data: `${data.url}/`, auth: whole.url, functions: "http://127.0.0.1:1" } },
    },
  });
  await deployRelay(whole);
  const sql = openDirect(databaseUrl, silentLog);
  await sql.unsafe(NOTES);
  await sql.end();
}, 90_000);

afterAll(async () => {
  for (const server of [functions, data, whole]) await server.stop();
  await database.drop();
});

describe("a function", () => {
  test("reaches its own server", async () => {
    const { status, body } = await relay(whole, { path: "/auth/v1/health" });
    expect({ status, body: JSON.parse(body) }).toMatchObject({
      status: 200,
      body: { name: "Reactor" },
    });
  });

  test.each([
    "/_admin",
    "/_admin/version",
    "/_admin/status",
    "/_admin/nothing",
    "/metrics",
    "/x/../_admin/version",
    "/_admin/../_admin/version",
    "/x/..%2f_admin/version",
    "/%5fadmin/version",
    "/_admin%2fversion",
  ])("never reaches %s, whatever token it has come by", async (path) => {
    const tokens = [whole.adminToken, whole.secretKey].map((token) => `Bearer ${token}`);
    for (const authorization of tokens) {
      for (const method of ["GET", "POST"]) {
        const { status, body } = await relay(whole, { path, method, headers: { authorization } });
        expect([400, 403, 404, 405]).toContain(status);
        expect(body).not.toMatch(/postgres|reactor_http/);
      }
    }
  });

  test("is not let in by pretending to be at this machine", async () => {
    const headers = {
      authorization: `Bearer ${whole.adminToken}`,
      "x-forwarded-for": "127.0.0.1",
      "x-real-ip": "127.0.0.1",
      host: "127.0.0.1",
    };
    expect((await relay(whole, { path: "/_admin/version", headers })).status).toBe(403);
    expect((await relay(whole, { path: "/metrics", headers })).status).toBe(403);
  });
});

describe("what a server lacks", () => {
  test("its functions reach at the peer, with the caller's rights", async () => {
    const [ann, ben] = [await signUp(whole, "ann"), await signUp(whole, "ben")];
    const written = await relay(
      functions,
      {
        path: "/data/v1/notes?select=text",
        method: "POST",
        headers: { "content-type": "application/json", prefer: "return=representation" },
        body: JSON.stringify({ id: 1, text: "gr\u00fc\u00dfe of ann" }),
      },
      ann,
    );
    expect(written).toMatchObject({ status: 201, body: '[{"text":"gr\u00fc\u00dfe of ann"}]' });
    const order = { path: "/data/v1/notes?select=text&id=eq.1" };
    expect((await relay(functions, order, ann)).body).toBe('[{"text":"gr\u00fc\u00dfe of ann"}]');
    expect((await relay(functions, order, ben)).body).toBe("[]");
    const me = await relay(functions, { path: "/auth/v1/user" }, ben);
    expect(JSON.parse(me.body)).toMatchObject({ email: "ben@example.test" });
  });

  test("is answered as if it were here: headers, ranges, refusals, other names of a path", async () => {
    const orders = [
      { path: "/data/v1/notes?select=id&limit=1", headers: { prefer: "count=exact" } },
      { path: "/rest/v1/notes?select=id&limit=1" },
      { path: "/data/v1/notes?limit=1", method: "HEAD" },
      { path: "/data/v1/nothing" },
      { path: "/data/v1/notes?select=((" },
      { path: "/data/v1/notes", method: "PUT", body: "{}" },
      { path: "/data/v1/notes", headers: { authorization: "Bearer forged" } },
    ];
    for (const order of orders) {
      const [here, there] = [await relay(whole, order), await relay(functions, order)];
      for (const { headers } of [here, there]) {
        expect(headers["x-request-id"]).toBeString();
        delete (headers as Record<string, string>)["x-request-id"];
        delete (headers as Record<string, string>)["date"];
      }
      expect(there).toEqual(here);
    }
  });

  test("keeps the request's id on its way", async () => {
    const headers = { apikey: functions.secretKey, "x-request-id": "trace-through-three" };
    const answer = await relay(functions, { path: "/data/v1/notes" }, headers);
    expect(answer.headers["x-request-id"]).toBe("trace-through-three");
    const seen = [functions, data].map((server) =>
      server.logs.buffer.recent().some((line) => line["request_id"] === "trace-through-three"),
    );
    expect(seen).toEqual([true, true]);
  });

  test("is reached by nobody else through this server", async () => {
    for (const path of ["/data/v1/notes", "/rest/v1/notes", "/auth/v1/health"]) {
      for (const headers of [{}, { apikey: functions.secretKey }, { host: "localhost" }]) {
        expect((await fetch(functions.url + path, { headers })).status).toBe(404);
      }
    }
  });

  test("never includes the peer's admin API", async () => {
    const headers = { authorization: `Bearer ${whole.adminToken}` };
    for (const path of ["/_admin/version", "/auth/v1/../../_admin/version", "/metrics"]) {
      expect([403, 404]).toContain((await relay(functions, { path, headers })).status);
    }
  });

  test("is unavailable when the peer is, and the reason is in the log alone", async () => {
    const gone = await startTestServer({
      databaseUrl: database.url,
      vaultKey: whole.vaultKey,
      only: ["functions"],
      config: { auth: { url: whole.url }, server: { peers: { data: "http://127.0.0.1:1" } } },
    });
    try {
      const { status, body } = await relay(gone, { path: "/data/v1/notes" });
      expect(status).toBe(503);
      expect(JSON.parse(body)).toMatchObject({ code: "unavailable" });
      expect(body).not.toContain("127.0.0.1");
      const failed = gone.logs.buffer.recent().filter((line) => line.event === "http.failed");
      expect(JSON.stringify(failed)).toMatch(/refused|connect/i);
    } finally {
      await gone.stop();
    }
  });

  test("must be named as it is called", async () => {
    const start = startTestServer({
      databaseUrl: database.url,
      vaultKey: whole.vaultKey,
      only: ["auth"],
      config: { server: { peers: { dta: "http://127.0.0.1:1" } } },
    });
    await expect(start).rejects.toMatchObject({ code: "peer_unknown", exitCode: 2 });
  });

  test.each([{ data: "127.0.0.1:80" }, { data: "http://user@a.test" }, { Data: "http://a.test" }])(
    "must be given as an origin: %j is refused",
    async (peers) => {
      const start = startTestServer({ databaseUrl: database.url, config: { server: { peers } } });
      await expect(start).rejects.toThrow(/peers/);
    },
  );
});
