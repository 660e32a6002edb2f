import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ensureAuthenticatorLogin } from "../../src/postgres/authenticator-login.ts";
import { createDatabases } from "../../src/postgres/databases.ts";
import { migrate } from "../../src/postgres/migrator.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { silentLog } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { type ExternalPostgres, startExternalPostgres, startPgbouncer } from "./debian-servers.ts";
import { ask, connect, failure, one, openPool, systemSet, texts } from "./wire-database.ts";

const PASSWORD = "pässword \u00a0'\"$:@/%";
let server: ExternalPostgres;

beforeAll(async () => {
  server = await startExternalPostgres();
  const admin = connect(server.adminUrl);
  // Stored by the server itself, in each of its two forms.
  await admin.unsafe(`
    create role owner login createrole createdb password 'owner';
    create role tls_user login password '${PASSWORD.replaceAll("'", "''")}';
    set password_encryption = md5;
    create role md5_user login password 'secret';
    create role plain_user login password 'secret';
    grant create on database postgres to owner with grant option;
    grant usage, create on schema public to owner with grant option;
    grant owner to tls_user;
  `);
  for (const name of ["managed", "managed2", "managed3"]) {
    await admin.unsafe(`create database ${name} owner owner`);
  }
  await admin.end();
}, 60_000);
afterAll(() => server.stop());

async function whoAmI(url: string): Promise<(string | null)[] | undefined> {
  const pool = openPool(url, { limits: { acquireTimeoutMs: 3_000 } });
  try {
    const user = /\/\/([^:]*):/.exec(url)?.[1] ?? "";
    const sql = "select current_user, (select ssl from pg_stat_ssl where pid = pg_backend_pid())";
    return texts(await pool.query(ask(sql, { role: user })))[0];
  } finally {
    await pool.close();
  }
}

describe("over TCP", () => {
  test("SCRAM-SHA-256 over TLS logs in with a password of any characters", async () => {
    expect(await whoAmI(server.url("tls_user", PASSWORD, "sslmode=require"))).toEqual([
      "tls_user",
      "t",
    ]);
    expect(await whoAmI(server.url("tls_user", PASSWORD))).toEqual(["tls_user", "t"]);
  });

  test("md5 and cleartext log in", async () => {
    expect(await whoAmI(server.url("md5_user", "secret", "sslmode=disable"))).toEqual([
      "md5_user",
      "f",
    ]);
    expect(await whoAmI(server.url("plain_user", "secret", "sslmode=disable"))).toEqual([
      "plain_user",
      "f",
    ]);
  });

  test("a wrong or missing password is said to be that", async () => {
    const wrong = await failure(whoAmI(server.url("tls_user", "wrong", "sslmode=require")));
    expect(wrong).toMatchObject({ code: "database_unavailable" });
    expect(wrong["cause"]).toMatchObject({ code: "28P01" });
    const missing = await failure(whoAmI(server.url("tls_user", "", "sslmode=require")));
    expect(missing["cause"]).toMatchObject({ code: "password_missing" });
  });

  test("sslmode=disable does not encrypt, and the server's refusal comes through", async () => {
    const refused = await failure(whoAmI(server.url("tls_user", PASSWORD, "sslmode=disable")));
    expect(refused["cause"]).toMatchObject({ code: "28000" });
  });

  test("verify-full accepts the right authority and name", async () => {
    const parameters = `sslmode=verify-full&sslrootcert=${server.caFile}`;
    expect(await whoAmI(server.url("tls_user", PASSWORD, parameters))).toEqual(["tls_user", "t"]);
  });

  test("verify-full refuses another name, verify-ca does not look at it", async () => {
    const by = (mode: string) =>
      server.url("tls_user", PASSWORD, `sslmode=${mode}&sslrootcert=${server.caFile}`, "127.0.0.1");
    const refused = await failure(whoAmI(by("verify-full")));
    expect(refused["cause"]).toMatchObject({ code: "tls_refused" });
    expect(await whoAmI(by("verify-ca"))).toEqual(["tls_user", "t"]);
  });

  test("verify-ca and verify-full refuse an authority that was not given", async () => {
    for (const mode of ["verify-ca", "verify-full"]) {
      const url = server.url("tls_user", PASSWORD, `sslmode=${mode}`);
      const refused = await failure(whoAmI(url));
      expect(refused["cause"]).toMatchObject({ code: "tls_refused" });
    }
  });

  test("cancel works over TLS", async () => {
    const pool = openPool(server.url("tls_user", PASSWORD, "sslmode=require"), {
      limits: { size: 1 },
    });
    const controller = new AbortController();
    const query = ask("select pg_sleep(60)", { role: "tls_user", signal: controller.signal });
    const sleeping = failure(pool.query(query));
    const admin = connect(server.adminUrl);
    await until("the query sleeps", async () => {
      const [row] = await admin`select 1 from pg_stat_activity where wait_event = 'PgSleep'`;
      return row;
    });
    controller.abort(new Error("left"));
    expect(await sleeping).toMatchObject({ message: "left" });
    await Promise.all([pool.close(), admin.end()]);
  });
});

describe("an owner without superuser rights", () => {
  const ownerUrl = () =>
    server.url("owner", "owner", "sslmode=require").replace("/postgres?", "/managed?");

  test("sets up three databases at once, though roles belong to them all", async () => {
    await Promise.all(
      ["managed", "managed2", "managed3"].map(async (name) => {
        const sql = connect(ownerUrl().replace("/managed?", `/${name}?`));
        await migrate(sql, [systemSet], { clock: systemClock, log: silentLog });
        await sql`drop table reactor.migrations`;
        await sql.end();
      }),
    );
  });

  test("sets up the roles and gives authenticator its password, twice over", async () => {
    const sql = connect(ownerUrl());
    for (const _ of [1, 2]) {
      await migrate(sql, [systemSet], { clock: systemClock, log: silentLog });
      await sql`drop table reactor.migrations`;
    }
    await ensureAuthenticatorLogin(sql, PASSWORD, systemClock);
    await ensureAuthenticatorLogin(sql, PASSWORD, systemClock);
    await sql`create table things (id int primary key)`;
    await sql.end();
    const url = server.url("authenticator", PASSWORD, "sslmode=require");
    const pool = openPool(url.replace("/postgres?", "/managed?"));
    expect(await one(pool, "select count(*) from things", { role: "anon" })).toBe("0");
    await pool.close();
  });

  test("many servers that start at once agree on authenticator's password", async () => {
    const servers = Array.from({ length: 8 }, () => connect(ownerUrl()));
    const starts = servers.map(async (sql) => {
      for (let times = 0; times < 5; times += 1) {
        await ensureAuthenticatorLogin(sql, PASSWORD, systemClock);
      }
    });
    await Promise.all(starts);
    for (const sql of servers) await sql.end();
  });

  test("works through pgbouncer in transaction mode with prepared = false", async () => {
    const bouncer = await startPgbouncer(server, {
      owner: "owner",
      authenticator: PASSWORD.replaceAll('"', '""'),
    });
    const through = (user: string, password: string) =>
      `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${bouncer.port}/managed?sslmode=prefer`;
    const databases = createDatabases({
      urlFor: () => ({
        ownerUrl: through("owner", "owner"),
        userUrl: through("authenticator", PASSWORD),
        directUrl: ownerUrl(),
      }),
      prepared: false,
      clock: systemClock,
      rng: systemRng,
      log: silentLog,
    });
    const { user, system } = databases.for({ id: "default" });
    const roles = ["anon", "authenticated", "service_role"];
    const seen = await Promise.all(
      Array.from({ length: 300 }, async (_, at) => {
        const role = roles[at % 3] ?? "";
        const settings = [["request.jwt.claims", JSON.stringify({ n: at })]] as const;
        const sql = "select current_user, auth.jwt() ->> 'n', $1::int";
        // Some in a block of their own: the pooler hands the server on at its end, and not before.
        const block = at % 5 === 0 ? { isolation: "serializable" as const } : {};
        const rollback = at % 7 === 0;
        const before = at % 4 === 0 ? ["select 1"] : [];
        const rest = { ...block, rollback, before };
        const result = await user.query({ role, settings, sql, params: [String(at)], ...rest });
        return texts(result)[0]?.join() === `${role},${at},${at}`;
      }),
    );
    expect(seen.every(Boolean)).toBe(true);
    expect(await failure(user.query(ask("select 1/0")))).toMatchObject({ code: "22012" });
    const slow = failure(user.query(ask("select pg_sleep(60)", { timeoutMs: 50 })));
    expect(await slow).toMatchObject({ code: "57014" });
    const rows = await Promise.all(
      Array.from({ length: 20 }, (_, n) => system`select ${n}::int as n`),
    );
    expect(rows.map(([row]) => row?.["n"])).toEqual(Array.from({ length: 20 }, (_, n) => n));
    await databases.close();
    await bouncer.stop();
  });
});
