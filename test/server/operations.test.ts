/** What an operator asks of a running server: the doctor, the log, migrations, the configuration. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { openDirect } from "../../src/postgres/databases.ts";
import { planJail } from "../../src/runtime/jail/jail-plan.ts";
import { planPrograms } from "../../src/runtime/jail/program-plan.ts";
import type { HealthReport } from "../../src/server/health.ts";
import { silentLog } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { openSmtp } from "../support/smtp-server.ts";
import { until } from "../support/until.ts";
import { adminOf } from "./admin-client.ts";

let server: TestServer;
let admin: ReturnType<typeof adminOf>;
beforeAll(async () => {
  server = await startTestServer({ config: { server: { host: "0.0.0.0" } } });
  admin = adminOf({ ...server, url: server.url.replace("0.0.0.0", "127.0.0.1") });
}, 60_000);
afterAll(() => server.stop());

async function query(statement: string) {
  const sql = openDirect(server.ownerUrl, silentLog);
  try {
    return [...(await sql.unsafe(statement))];
  } finally {
    await sql.end();
  }
}

describe("the doctor", () => {
  test("looks at everything that was promised, and each finding that is not well has a remedy", async () => {
    const report = await admin.doctor();
    expect(report.checks.map(({ name }) => name).sort()).toEqual([
      "clock",
      "database",
      "disk",
      "durability",
      "jail",
      "keys",
      "mail",
      "parts",
      "ports",
      "row_security",
      "servers",
      "vault",
      "version",
    ]);
    for (const check of report.checks) {
      expect(check.message).not.toBe("");
      if (check.status !== "ok") expect(check.hint).toBeString();
    }
    expect(report.check("database")?.message).toMatch(/^PostgreSQL \d/);
    expect(report.check("parts")?.status).toBe("ok");
  });

  test("asks the mail server, and warns of mails that would have no links", async () => {
    const smtp = await openSmtp();
    const mail = { smtp_host: "127.0.0.1", smtp_port: smtp.port, from: "no-reply@example.test" };
    const other = await startTestServer({ only: ["auth"], config: { mail } });
    const finding = async () => (await adminOf(other).doctor()).check("mail");
    expect(await finding()).toMatchObject({
      status: "warning",
      message: `127.0.0.1:${smtp.port} takes mails, which will have no links`,
    });
    await smtp.close();
    expect(await finding()).toMatchObject({ status: "failed", hint: "Check the [mail] settings" });
    expect(smtp.mails).toEqual([]);
    await other.stop();
  });

  test("warns of a listener that others reach without TLS", async () => {
    const report = await admin.doctor();
    expect(report.check("ports")).toMatchObject({
      status: "warning",
      hint: "Put a TLS proxy in front, or set [server.tls] cert and key",
    });
    expect(report.status).toBe("warning");
  });

  test("counts the servers that share the database", async () => {
    const { ownerUrl: databaseUrl, vaultKey } = server;
    const other = await startTestServer({ databaseUrl, vaultKey, only: ["auth"] });
    const told = async () => (await admin.doctor()).check("servers")?.message;
    try {
      await until("both are known", async () => (await told()) === "2 servers share this database");
    } finally {
      await other.stop();
    }
    expect(await told()).toBe("No other server is on it");
  });

  test("says how far functions are kept from the server", async () => {
    const { status, message } = (await admin.doctor()).check("jail") ?? {};
    expect(status).toBe("ok");
    expect(message).toMatch(/^Functions run in the jail '(?:full|standard)'[,;] /);
  });

  test("and health say whether programs of their own can be run, and why not", async () => {
    const { prefix, reason } = await planPrograms(planJail([import.meta.dir]));
    const url = server.url.replace("0.0.0.0", "127.0.0.1");
    const health = (await (await fetch(`${url}/health`)).json()) as HealthReport;
    const { programs, programs_refused } = health.parts["functions"]?.details ?? {};
    const { message } = (await admin.doctor()).check("jail") ?? {};
    expect(programs).toBe(prefix !== null);
    if (prefix) expect(message).toEndWith(", and so do programs of their own (bootstrap)");
    else expect([programs_refused, message]).toEqual([reason, expect.stringContaining(reason)]);
  });

  test("finds a table that anybody may read, and is content once it is closed", async () => {
    await query(`create table public.open_door (id int) partition by range (id);
      create table public.a_part partition of public.open_door default`);
    expect((await admin.doctor()).check("row_security")).toMatchObject({
      status: "warning",
      message: "Without row security: public.open_door",
      hint: 'alter table "public"."open_door" enable row level security;',
    });
    await query("alter table public.open_door enable row level security");
    expect((await admin.doctor()).check("row_security")?.status).toBe("ok");
    await query("drop table public.open_door");
  });

  test("finds what every exposed schema lays open, views too, to whom row security binds", async () => {
    await query(`create schema api; create schema kept; grant usage on schema api, kept to anon;
      create table kept.secrets (id int);
      create table api.unreached (id int);
      create view api.through as select * from kept.secrets;
      create materialized view api.summary as select count(*) from kept.secrets;
      grant select on kept.secrets, api.through, api.summary to anon;
      grant all on api.unreached to service_role`);
    const { ownerUrl: databaseUrl, vaultKey } = server;
    const config = { data: { db_schemas: ["public", "api"] } };
    const other = await startTestServer({ databaseUrl, vaultKey, only: ["auth", "data"], config });
    const finding = async () => (await adminOf(other).doctor()).check("row_security");
    try {
      expect(await finding()).toMatchObject({
        message: "Without row security: api.summary, api.through",
        hint: 'revoke all on "api"."summary" from anon, authenticated;',
      });
      await query('revoke all on "api"."summary" from anon, authenticated');
      const hint = 'alter view "api"."through" set (security_invoker = true);';
      expect((await finding())?.hint).toBe(hint);
      await query(hint);
      expect((await finding())?.hint).toBe("alter table kept.secrets enable row level security;");
      await query("alter table kept.secrets enable row level security");
      expect((await finding())?.status).toBe("ok");
    } finally {
      await other.stop();
      await query("drop schema api, kept cascade");
    }
  });

  test("finds a secret that others may read", async () => {
    const path = join(server.dataDir, "admin.token");
    chmodSync(path, 0o644);
    const { status, check } = await admin.doctor();
    expect(status).toBe("failed");
    expect(check("keys")).toMatchObject({ status: "failed", hint: `chmod 600 ${path}` });
    chmodSync(path, 0o600);
    expect((await admin.doctor()).check("keys")?.status).toBe("ok");
  });

  test("finds a database that may lose what it has acknowledged", async () => {
    const [row] = await query("select current_database() as name");
    const alter = (rest: string) => query(`alter database "${String(row?.["name"])}" ${rest}`);
    await alter("set synchronous_commit = off");
    const [changed] = await query("select clock_timestamp()::text as at");
    // Connections that are open keep what they had; each end makes the pool open another. Those
    // since the change are left: a pool that is cut off again and again waits ever longer.
    const check = await until("the doctor sees it", async () => {
      await query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
          and backend_start < '${String(changed?.["at"])}'`);
      const found = (await admin.doctor()).check("durability");
      return found?.message.startsWith("synchronous_commit") && found;
    });
    expect(check).toMatchObject({
      status: "failed",
      message: "synchronous_commit is off: acknowledged writes can be lost",
    });
    await alter("reset synchronous_commit");
  });
});

describe("the log", () => {
  interface Lines {
    readonly lines: readonly { readonly [field: string]: unknown; readonly level: string }[];
  }
  const logs = (query_: string) => admin.json<Lines>("GET", `/logs?${query_}`);
  const visit = (path: string) => fetch(`${server.url.replace("0.0.0.0", "127.0.0.1")}${path}`);

  test("is read newest last, as many lines as asked for", async () => {
    for (const n of [1, 2, 3]) await visit(`/nothing/${n}`);
    // The server's own lines may come in between.
    const visits = (await logs("limit=20")).lines.filter((line) => line["route"] === "unmatched");
    expect(visits.slice(-3).map((line) => line["path"])).toEqual([
      "/nothing/1",
      "/nothing/2",
      "/nothing/3",
    ]);
    expect((await logs("limit=2")).lines).toHaveLength(2);
  });

  test("is filtered by level, capability and time", async () => {
    server.logs.logger.warn("test.warned", { capability: "data", n: 1 });
    server.logs.logger.error("test.failed", { capability: "auth", n: 2 });
    const events = async (q: string) =>
      (await logs(q)).lines
        .map((line) => String(line["event"]))
        .filter((e) => e.startsWith("test."));
    expect(await events("level=warn&limit=50")).toEqual(["test.warned", "test.failed"]);
    expect(await events("level=error&limit=50")).toEqual(["test.failed"]);
    const ofData = (await logs("capability=data&limit=5000")).lines;
    expect(ofData.every((line) => line["capability"] === "data")).toBe(true);
    expect(ofData.map((line) => line["event"])).toContain("test.warned");
    expect((await logs("since=2999-01-01T00:00:00Z")).lines).toEqual([]);
  });

  test.each(["since=yesterday", "level=loud", "limit=0", "limit=5001", "follow=maybe"])(
    "a question like %s is refused",
    async (q) => {
      expect((await admin.send("GET", `/logs?${q}`)).status).toBe(400);
    },
  );

  test("is not followed by HEAD, which ends at once", async () => {
    const answer = await admin.send("HEAD", "/logs?follow=1");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toStartWith("application/json");
  });

  test("is followed: what was, then what comes, of what was asked for only", async () => {
    server.logs.logger.warn("test.before", { capability: "data" });
    const answer = await admin.send("GET", "/logs?follow=1&level=warn&capability=data&limit=1");
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const readUntil = async (what: string) => {
      while (!text.includes(what)) text += (await reader?.read())?.value ?? "";
    };
    await readUntil("test.before");
    server.logs.logger.info("test.quiet", { capability: "data" });
    server.logs.logger.warn("test.other", { capability: "auth" });
    server.logs.logger.warn("test.after", { capability: "data" });
    await readUntil("test.after");
    expect(text).not.toMatch(/test\.(?:quiet|other)/);
    expect(text).toMatch(/event: log\ndata: \{.*"event":"test\.after".*\}\n\n/);
    await reader?.cancel();
  });

  test("holds no token and no key", async () => {
    await visit(`/data/v1/nothing?apikey=${server.secretKey}`);
    await fetch(`${server.url.replace("0.0.0.0", "127.0.0.1")}/data/v1/nothing`, {
      headers: { apikey: server.secretKey, authorization: `Bearer ${server.adminToken}` },
    });
    const text = JSON.stringify(await logs("limit=5000&level=debug"));
    for (const secret of [server.secretKey, server.adminToken, server.vaultKey]) {
      expect(text).not.toContain(secret);
    }
  });
});

describe("migrate", () => {
  const migrations = [
    { name: "0001_shelf", sql: "create table public.shelf (id int primary key);" },
  ];
  interface Answer {
    readonly status: string;
    readonly applied: readonly { name: string; ms: number }[];
    readonly pending: readonly string[];
    readonly missing: readonly string[];
  }
  const migrate = (body: object) => admin.json<Answer>("POST", "/migrate", body);

  test("dry: tells what is pending and changes nothing", async () => {
    expect(await migrate({ dry_run: true, migrations })).toMatchObject({
      status: "planned",
      applied: [],
      pending: ["app/0001_shelf"],
    });
    expect(await query("select 1 from pg_class where relname = 'shelf'")).toEqual([]);
  });

  test("applies once, and again nothing", async () => {
    const { status, applied } = await migrate({ migrations });
    expect(status).toBe("complete");
    expect(applied.map(({ name }) => name)).toEqual(["app/0001_shelf"]);
    expect(await query("select 1 from public.shelf")).toHaveLength(0);
    expect((await migrate({ migrations })).applied).toEqual([]);
  });

  test("without files tells those that are in the ledger only", async () => {
    expect((await migrate({ dry_run: true })).missing).toEqual(["app/0001_shelf"]);
  });

  test("refuses one that was changed, and tells where one fails", async () => {
    const send = (body: object) => admin.send("POST", "/migrate", { body: JSON.stringify(body) });
    const drifted = await send({ migrations: [{ name: "0001_shelf", sql: "select 1" }] });
    expect(drifted.status).toBe(409);
    expect(await drifted.json()).toMatchObject({ code: "migration_drift" });
    const failing = await send({
      migrations: [...migrations, { name: "0002_bad", sql: "select 1;\nselect nothing;" }],
    });
    expect(failing.status).toBe(422);
    expect(await failing.json()).toMatchObject({
      file: "app/0002_bad.sql",
      line: 2,
      sqlstate: "42703",
    });
  });
});

describe("the configuration", () => {
  test("is told with its origins, and without a secret", async () => {
    const answer = await admin.json<{ values: { key: string; value: unknown; origin: string }[] }>(
      "GET",
      "/config",
    );
    const of = (key: string) => answer.values.find((entry) => entry.key === key);
    expect(of("vault.key")).toMatchObject({ value: "********", origin: "flag" });
    expect(of("server.port")).toMatchObject({ value: 0, origin: "flag" });
    expect(of("log.level")).toMatchObject({ value: "info", origin: "default" });
    expect(JSON.stringify(answer)).not.toContain(server.vaultKey);
  });
});

test("a database that is elsewhere is not backed up as files", async () => {
  const answer = await admin.send("GET", "/backup");
  expect(answer.status).toBe(409);
  expect(await answer.json()).toMatchObject({ code: "backup_external_database" });
});
