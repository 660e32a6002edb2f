/** Deploys over HTTP, into a real database and real functions. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openDirect } from "../../src/postgres/databases.ts";
import { silentLog } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { adminOf, functionOf, partOf, sha256Of } from "./admin-client.ts";

const NOTES = "create table public.notes (id int primary key);\n";
const answering = (text: string) => `export default () => new Response(${JSON.stringify(text)});`;

let server: TestServer;
let admin: ReturnType<typeof adminOf>;
beforeAll(async () => {
  server = await startTestServer({ config: { runtime: { prune: true } } });
  admin = adminOf(server);
}, 60_000);
afterAll(() => server.stop());

const call = async (name: string) => {
  const answer = await fetch(`${server.url}/fn/v1/${name}`, {
    headers: { apikey: server.publishableKey },
  });
  return answer.status === 200 ? answer.text() : answer.status;
};
const names = async () => {
  const answer = await fetch(`${server.url}/fn/v1/_admin`, {
    headers: { apikey: server.secretKey },
  });
  return JSON.stringify(await answer.json());
};
async function query<T extends object>(statement: string): Promise<T[]> {
  const sql = openDirect(server.ownerUrl, silentLog);
  try {
    return [...(await sql.unsafe(statement))] as unknown as T[];
  } finally {
    await sql.end();
  }
}

describe("one deploy", () => {
  const sql = NOTES;
  const code = answering("one");
  const body = {
    migrations: [partOf("0001_notes", sql)],
    sections: { functions: [functionOf("one", code)] },
  };

  test("dry: tells what would change, names the parts it lacks and changes nothing", async () => {
    const report = await admin.deploy({ ...body, dry_run: true });
    expect(report.status).toBe("planned");
    expect([...report.missing].sort()).toEqual([sha256Of(sql), sha256Of(code)].sort());
    expect(report.phases).toMatchObject([
      {
        section: "migrations",
        status: "planned",
        changes: [{ name: "0001_notes", action: "create" }],
      },
      { section: "functions", status: "planned", changes: [{ name: "one", action: "create" }] },
    ]);
    expect(await query("select 1 from pg_class where relname = 'notes'")).toEqual([]);
    expect(await query("select 1 from reactor.deployments")).toEqual([]);
    expect(await call("one")).toBe(404);
  });

  test("without its parts: changes nothing and asks for them", async () => {
    const report = await admin.deploy(body);
    expect(report.status).toBe("needs_parts");
    expect(report.missing).toHaveLength(2);
    expect(await query("select 1 from pg_class where relname = 'notes'")).toEqual([]);
  });

  test("takes no part that is not what it is called", async () => {
    const wrong = await admin.upload(answering("two"), sha256Of(code));
    expect(wrong.status).toBe(422);
    expect(await wrong.json()).toMatchObject({ code: "deploy_part_mismatch" });
    expect((await admin.upload(code, "0".repeat(63))).status).toBe(400);
    expect((await admin.deploy(body)).missing).toHaveLength(2);
  });

  test("with its parts: is complete, and once more finds nothing to do", async () => {
    expect((await admin.upload(sql)).status).toBe(204);
    expect((await admin.upload(code)).status).toBe(204);
    const report = await admin.deploy(body);
    expect(report).toMatchObject({ status: "complete", missing: [] });
    expect(await call("one")).toBe("one");
    expect(await query("select id from reactor.deployments")).toEqual([{ id: report.deploy_id }]);
    const again = await admin.deploy(body);
    expect(again.status).toBe("complete");
    expect(again.phases.flatMap(({ changes }) => changes.map(({ action }) => action))).toEqual([
      "unchanged",
      "unchanged",
    ]);
  });

  test("of a migration changed since is refused before anything", async () => {
    const drifted = { ...body, migrations: [partOf("0001_notes", "create table other ();")] };
    const answer = await admin.send("POST", "/deploy", { body: JSON.stringify(drifted) });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: "migration_drift" });
  });

  test("of an unknown section, or of another form, is refused", async () => {
    const unknown = JSON.stringify({ sections: { ponies: [] } });
    const answer = await admin.send("POST", "/deploy", { body: unknown });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({
      code: "deploy_section_unknown",
      details: "This server deploys: functions",
    });
    for (const bad of [
      { migrations: [{ name: "tables", sha256: "x", size_bytes: 1 }] },
      { sections: [] },
      { dry_run: "yes" },
      { dryrun: true },
      { migrations: [{ ...partOf("0009_x", ""), sql: "" }] },
    ]) {
      expect((await admin.send("POST", "/deploy", { body: JSON.stringify(bad) })).status).toBe(400);
    }
  });
});

describe("a deploy that fails in the middle", () => {
  const [good, last] = [answering("good"), answering("last")];
  const bodyWith = (middle: string) => ({
    sections: {
      functions: [
        functionOf("a-good", good),
        functionOf("b-middle", middle, { runtime: "wasm" }),
        functionOf("c-last", last),
      ],
    },
  });

  test("is reported as it is, and goes on when it is repeated", async () => {
    for (const part of [good, "no wasm at all", last]) await admin.upload(part);
    const first = await admin.deploy(bodyWith("no wasm at all"));
    expect(first.status).toBe("partial");
    expect(first.phases[1]).toMatchObject({
      section: "functions",
      status: "failed",
      changes: [{ name: "a-good", action: "create" }],
    });
    expect(first.phases[1]?.error?.code).toBeString();
    expect([await call("a-good"), await call("b-middle"), await call("c-last")]).toEqual([
      "good",
      404,
      404,
    ]);
    const module = await Bun.file(
      "test/fixtures/project/functions/bytes-tool/bytes-tool.wasm",
    ).bytes();
    const sum = new Bun.CryptoHasher("sha256").update(module).digest("hex");
    await admin.send("PUT", `/deploy/parts/${sum}`, { body: module });
    const fixed = bodyWith("");
    const [a, b, c] = fixed.sections.functions;
    if (!a || !b || !c) throw new Error("three functions");
    const second = await admin.deploy({
      sections: { functions: [a, { ...b, sha256: sum, size_bytes: module.byteLength }, c] },
    });
    expect(second.status).toBe("complete");
    expect(second.phases[1]?.changes.map(({ name, action }) => `${name} ${action}`)).toEqual([
      "a-good unchanged",
      "b-middle create",
      "c-last create",
    ]);
    expect(await call("c-last")).toBe("last");
    const recorded = await query<{ status: string }>(
      "select status from reactor.deployments order by created_at desc limit 2",
    );
    expect(recorded.map(({ status }) => status)).toEqual(["complete", "partial"]);
  });

  test("in a migration leaves that one undone and what comes after it alone", async () => {
    const [first, second] = ["create table public.m2 ();", "create table public.m3 (;"];
    const code = answering("after");
    for (const part of [first, second, code]) await admin.upload(part);
    const report = await admin.deploy({
      migrations: [
        partOf("0001_notes", NOTES),
        partOf("0002_good", first),
        partOf("0003_bad", second),
      ],
      sections: { functions: [functionOf("after", code)] },
    });
    expect(report.status).toBe("partial");
    expect(report.phases.map(({ status }) => status)).toEqual(["failed", "skipped"]);
    expect(report.phases[0]?.error?.code).toBe("migration_failed");
    expect(await query("select relname from pg_class where relname in ('m2', 'm3')")).toEqual([
      { relname: "m2" },
    ]);
    expect(await call("after")).toBe(404);
  });
});

describe("a whole project", () => {
  const code = answering("kept");
  const kept = { functions: [functionOf("kept", code)] };

  test("sent in part removes nothing", async () => {
    await admin.upload(code);
    await admin.deploy({ sections: kept });
    await admin.deploy({ whole: false, sections: kept });
    await admin.deploy({ whole: true, sections: {} });
    await admin.deploy({ whole: true, dry_run: true, sections: kept });
    expect(await call("one")).toBe("one");
  });

  test("sent whole removes what it no longer has, where the settings allow", async () => {
    const report = await admin.deploy({ whole: true, sections: kept });
    expect(report.status).toBe("complete");
    const removed = report.phases[1]?.changes.filter(({ action }) => action === "remove");
    expect(removed?.map(({ name }) => name).sort()).toEqual([
      "a-good",
      "b-middle",
      "c-last",
      "one",
    ]);
    expect(await call("one")).toBe(404);
    expect(await call("kept")).toBe("kept");
  });
});

test("of two deploys at once one waits its turn by asking again", async () => {
  const slow = "select pg_sleep(0.4); create table public.slow_one ();";
  const migrations = [
    partOf("0001_notes", NOTES),
    partOf("0002_good", "create table public.m2 ();"),
    partOf("0004_slow", slow),
  ];
  await admin.upload(slow);
  const send = () => admin.send("POST", "/deploy", { body: JSON.stringify({ migrations }) });
  const answers = await Promise.all([send(), send(), send()]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  const refused = answers.find(({ status }) => status === 409);
  expect(await refused?.json()).toMatchObject({ code: "deploy_in_progress" });
  expect(refused?.headers.get("retry-after")).toBe("2");
  expect((await send()).status).toBe(200);
});

test("nobody but the holder of the token changes anything", async () => {
  const before = [await query("select count(*) from reactor.deploy_parts"), await names()];
  const code = answering("evil");
  const body = JSON.stringify({ sections: { functions: [functionOf("evil", code)] } });
  for (const token of ["", "wrong", server.secretKey, server.publishableKey]) {
    const upload = { body: new TextEncoder().encode(code) };
    const path = `/deploy/parts/${sha256Of(code)}`;
    expect((await admin.send("PUT", path, upload, token)).status).toBe(401);
    expect((await admin.send("POST", "/deploy", { body }, token)).status).toBe(401);
    const migrate = JSON.stringify({
      migrations: [{ name: "0009_evil", sql: "drop schema public" }],
    });
    expect((await admin.send("POST", "/migrate", { body: migrate }, token)).status).toBe(401);
    expect((await admin.send("POST", "/shutdown", {}, token)).status).toBe(401);
    expect((await admin.send("GET", "/backup", {}, token)).status).toBe(401);
  }
  expect([await query("select count(*) from reactor.deploy_parts"), await names()]).toEqual(before);
});
