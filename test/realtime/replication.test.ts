/**
 * The reader of logical replication against a real server: what the decoder says is what Postgres
 * holds, for every type; bytes that make no sense are refused; a shutdown is not held up.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sql } from "postgres";
import { ReactorError } from "../../src/core/errors.ts";
import { startEmbeddedPostgres } from "../../src/postgres/embedded/start-embedded-postgres.ts";
import { formatLsn, parseLsn } from "../../src/postgres/replication/lsn.ts";
import { decodePgOutput, type PgOutputMessage } from "../../src/postgres/replication/pgoutput.ts";
import { ReplicationConnection } from "../../src/postgres/replication/replication-connection.ts";
import { parseDatabaseUrl } from "../../src/postgres/url.ts";
import type { PgError } from "../../src/postgres/wire/pg-error.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { connect, failure } from "../postgres/wire-database.ts";
import { silentLog, type TestDatabase, testPostgres } from "../support/postgres.ts";
import { createSeededRng } from "../support/seeded-rng.ts";
import { until } from "../support/until.ts";
import { BASE_VALUES, UNSTORABLE } from "./base-types.ts";

type Of<Kind> = Extract<PgOutputMessage, { kind: Kind }>;

let database: TestDatabase;
let sql: Sql;
const ending = new AbortController();
beforeAll(async () => {
  database = await (await testPostgres()).createDatabase();
  sql = connect(database.url);
});
afterAll(async () => {
  ending.abort(new Error("the tests are over"));
  await sql.end();
  await database.drop();
});

const open = (url = database.url, signal = ending.signal) =>
  ReplicationConnection.open({
    ...{ address: parseDatabaseUrl(url), signal },
    ...{ clock: systemClock, rng: systemRng },
  });

/** As the types' output functions print them: a cast to text differs for some. */
function texts(row: readonly unknown[]): (string | null)[] {
  return row.map((value) => (value === null ? null : Buffer.from(value as Uint8Array).toString()));
}

let slots = 0;
/** Streams what `write` does to the given tables. */
async function streamed(
  tables: string,
  write: () => Promise<unknown>,
  options = "",
): Promise<PgOutputMessage[]> {
  const name = `t${++slots}`;
  await sql.unsafe(`create publication ${name} for table ${tables} ${options}`);
  const connection = await open();
  await connection.query(`CREATE_REPLICATION_SLOT "${name}" LOGICAL pgoutput (SNAPSHOT 'nothing')`);
  await connection.start({ slot: name, publication: name, messages: true });
  await write();
  const messages = await collect(connection);
  connection.close();
  await dropSlot(name);
  return messages;
}

/** Everything up to now. */
async function collect(connection: ReplicationConnection): Promise<PgOutputMessage[]> {
  await sql`select pg_logical_emit_message(false, 'mark', '')`;
  const messages: PgOutputMessage[] = [];
  for (;;) {
    for (const { message } of await connection.receive()) {
      if (message?.kind === "message" && message.prefix === "mark") return messages;
      if (message) messages.push(message);
    }
  }
}

/** Once its reader has gone. */
function dropSlot(name: string) {
  return until("the slot is free", () =>
    sql`select pg_drop_replication_slot(${name}) is not null as done`.catch((error: unknown) => {
      if ((error as { code?: string }).code === "55006") return null;
      throw error;
    }),
  );
}

function of<Kind extends PgOutputMessage["kind"]>(
  messages: readonly PgOutputMessage[],
  kind: Kind,
): Of<Kind>[] {
  return messages.filter((message): message is Of<Kind> => message.kind === kind);
}

describe("values", () => {
  test("there is one of every base type that a table can hold", async () => {
    const rows = await sql<{ typname: string }[]>`
      select typname from pg_type where typtype = 'b' and (typcategory <> 'A' or typarray <> 0)
        and typnamespace = 'pg_catalog'::regnamespace order by typname`;
    const storable = rows.map((row) => row.typname).filter((name) => !UNSTORABLE.has(name));
    expect(storable.toSorted()).toEqual(Object.keys(BASE_VALUES).toSorted());
  });

  for (const [type, values] of Object.entries(BASE_VALUES)) {
    test(`of ${type} and of its arrays are those that Postgres prints`, async () => {
      const [table, quoted] = [`v_${type}`, `pg_catalog."${type}"`];
      const hasArray = type !== "int2vector" && type !== "oidvector";
      const more = hasArray ? `, b ${quoted}[]` : ", b text";
      await sql.unsafe(`create table ${table} (n int primary key, a ${quoted}${more})`);
      const messages = await streamed(table, async () => {
        for (const [n, value] of [...values, null].entries()) {
          const list = hasArray ? `array[$1::text, null]::text[]::${quoted}[]` : "null";
          const statement = `insert into ${table} values (${n}, $1::text::${quoted}, ${list})`;
          await sql.unsafe(statement, [value]);
        }
      });
      const expected = await sql.unsafe(`select n, a, b from ${table} order by n`).raw();
      const rows = of(messages, "insert").map((insert) => insert.row);
      expect(rows).toEqual(expected.map(texts));
    });
  }

  test("of enums, domains, composites, ranges and generated columns", async () => {
    await sql.unsafe(`
      create type mood as enum ('sad', 'so "so"');
      create domain price as numeric(8, 2) check (value >= 0);
      create type pair as (a int, "b c" text);
      create table kinds (
        id int primary key, m mood, ms mood[], p price, q pair, qs pair[], r int4range, rs int4multirange,
        twice int generated always as (id * 2) stored, seen int generated always as (id * 3) virtual
      )`);
    const messages = await streamed("kinds", () =>
      sql.unsafe(`insert into kinds values (1, 'so "so"', '{sad,NULL}', 1.5, row(1, 'x,"y'),
      array[row(2, null), null]::pair[], '[1,5)', '{[1,2),[4,5)}')`),
    );
    const shape = of(messages, "relation")[0];
    expect(shape?.columns.map((column) => column.name)).toEqual([
      "id",
      "m",
      "ms",
      "p",
      "q",
      "qs",
      "r",
      "rs",
    ]);
    expect(shape?.columns.filter((column) => column.isKey).map(({ name }) => name)).toEqual(["id"]);
    expect(of(messages, "type").map(({ schema, name }) => `${schema}.${name}`)).toContain(
      "public.mood",
    );
    const [expected] = await sql`select id, m, ms, p, q, qs, r, rs from kinds`.raw();
    expect(of(messages, "insert")[0]?.row).toEqual(texts(expected ?? []));
  });
});

describe("changes", () => {
  test("an update tells which values it did not touch out of line, and the old key when it changed", async () => {
    await sql.unsafe(`create table big (id int primary key, n int, body text);
      alter table big alter body set storage external`);
    const messages = await streamed("big", async () => {
      await sql`insert into big values (1, 1, repeat('x', 9000))`;
      await sql`update big set n = 2`;
      await sql`update big set id = 5`;
      await sql`delete from big`;
    });
    expect(of(messages, "update").map(({ old, row }) => ({ old, row }))).toEqual([
      { old: { part: "none" }, row: ["1", "2", undefined] },
      { old: { part: "key", row: ["1", null, null] }, row: ["5", "2", undefined] },
    ]);
    expect(of(messages, "delete")[0]?.old).toEqual({ part: "key", row: ["5", null, null] });
  });

  test("with the whole row as identity, the whole old row is told", async () => {
    await sql.unsafe(
      `create table whole (id int, body text); alter table whole replica identity full`,
    );
    const messages = await streamed("whole", async () => {
      await sql`insert into whole values (1, 'a')`;
      await sql`update whole set body = 'b'`;
      await sql`delete from whole`;
    });
    expect(of(messages, "relation")[0]?.identity).toBe("f");
    expect(of(messages, "update")[0]?.old).toEqual({ part: "whole", row: ["1", "a"] });
    expect(of(messages, "delete")[0]?.old).toEqual({ part: "whole", row: ["1", "b"] });
  });

  test.each([
    ["", "parted_1"],
    ["with (publish_via_partition_root = true)", "parted"],
  ])("of a partition come under the name that the publication says: %p", async (options, name) => {
    await sql.unsafe(`drop table if exists parted;
      create table parted (id int, k int, primary key (id, k)) partition by list (k);
      create table parted_1 partition of parted for values in (1)`);
    const write = () => sql`insert into parted values (7, 1)`;
    const messages = await streamed("parted", write, options);
    const [insert] = of(messages, "insert");
    const relation = of(messages, "relation").find(({ oid }) => oid === insert?.relationOid);
    expect(relation?.name).toBe(name);
    expect(insert?.row).toEqual(["7", "1"]);
  });

  test("come in the order of commits, each transaction in one piece", async () => {
    await sql.unsafe("create table ordered (id int primary key)");
    const messages = await streamed("ordered", async () => {
      await sql.begin(async (tx) => {
        await tx`insert into ordered values (1)`;
        await sql`insert into ordered values (2)`;
        await tx`insert into ordered values (3)`;
      });
      await sql`truncate ordered restart identity`;
    });
    expect(of(messages, "insert").map(({ row }) => row[0])).toEqual(["2", "1", "3"]);
    const commits = of(messages, "commit");
    expect(commits.map(({ commitLsn }) => commitLsn)).toEqual(
      of(messages, "begin").map(({ commitLsn }) => commitLsn),
    );
    expect(commits.every(({ commitLsn, endLsn }) => endLsn > commitLsn)).toBe(true);
    expect(of(messages, "truncate")[0]).toMatchObject({ cascades: false, restartsIdentity: true });
  });

  test("what was not confirmed comes again on the next connection, what was confirmed does not", async () => {
    await sql.unsafe(
      `create table again (id int primary key); create publication again for table again`,
    );
    const first = await open();
    await first.query(`CREATE_REPLICATION_SLOT "again" LOGICAL pgoutput (SNAPSHOT 'nothing')`);
    await first.start({ slot: "again", publication: "again", messages: true });
    await sql`insert into again values (1)`;
    await sql`insert into again values (2)`;
    const [commit] = of(await collect(first), "commit");
    first.confirm(commit?.endLsn ?? 0n);
    first.close();
    const second = await until("the slot is free", async () => {
      const next = await open();
      const begun = await next.start({ slot: "again", publication: "again" }).then(
        () => true,
        (error: unknown) => (error as PgError).code !== "55006",
      );
      if (begun) return next;
      next.close();
      return null;
    });
    const seen: unknown[] = [];
    while (seen.length === 0) {
      for (const { message } of await second.receive()) {
        if (message?.kind === "insert") seen.push(message.row[0]);
      }
    }
    expect(seen).toEqual(["2"]);
    second.close();
    await dropSlot("again");
  });
});

describe("the connection", () => {
  test("a refused command is an error with its SQLSTATE and leaves the connection usable", async () => {
    const connection = await open();
    expect(await failure(connection.query('DROP_REPLICATION_SLOT "absent"'))).toMatchObject({
      code: "42704",
    });
    expect(await connection.query("select 1, null")).toEqual([["1", null]]);
    connection.close();
    expect(await failure(connection.query("select 1"))).toMatchObject({ code: "connection_lost" });
  });

  test("the signal ends it while a command waits", async () => {
    const gone = new AbortController();
    const connection = await open(database.url, gone.signal);
    const waiting = failure(connection.query("select pg_sleep(60)"));
    gone.abort(new Error("enough"));
    expect(await waiting).toMatchObject({ code: "connection_lost" });
  });

  test("a fast shutdown of the server is not held up by what is not confirmed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "reactor-replication-"));
    const events: string[] = [];
    const note = (event: string) => void events.push(event);
    const server = await startEmbeddedPostgres({
      dataDir: join(folder, "data"),
      clock: systemClock,
      log: { ...silentLog, error: note, warn: note },
      env: { home: process.env["HOME"], xdgRuntimeDir: process.env["XDG_RUNTIME_DIR"] },
    });
    const owner = connect(server.ownerUrl);
    await owner.unsafe("create table t (id int primary key); create publication p for table t");
    const connection = await open(server.ownerUrl);
    await connection.query(`CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput (SNAPSHOT 'nothing')`);
    await connection.start({ slot: "s", publication: "p" });
    await owner`insert into t values (1)`;
    // Behind what was sent: Postgres would wait for the rest to be confirmed, too.
    connection.confirm(parseLsn("0/1"));
    connection.sendStatus();
    const lost = failure(
      (async () => {
        for (;;) await connection.receive();
      })(),
    );
    await owner.end();
    const pid = server.pid();
    process.kill(pid, "SIGINT");
    expect(await lost).toMatchObject({ code: "connection_lost" });
    // Ended by itself, although nobody used more force: the supervisor starts it again.
    await until("the restart", () => server.pid() !== 0 && server.pid() !== pid);
    await server.stop(10_000);
    expect(events).toEqual(["postgres.ended"]);
    rmSync(folder, { recursive: true, force: true });
  });
});

describe("hostile bytes", () => {
  /** A stream position with every kind of message. */
  const message = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
  const SAMPLES: Readonly<Record<string, Buffer>> = {
    begin: message("42 00000000 00f86a38 0002f0f0 f0f0f0f0 000002f2"),
    commit: message("43 00 0000000000f86a38 0000000000f86a68 0002f0f0f0f0f0f0"),
    relation: message(
      "52 00004001 7075626c696300 7400 64 0002 01 696400 00000017 ffffffff 00 6100 00000019 ffffffff",
    ),
    insert: message("49 00004001 4e 0002 74 00000001 31 6e"),
    update: message("55 00004001 4b 0002 74 00000001 31 6e 4e 0002 74 00000001 32 75"),
    delete: message("44 00004001 4f 0002 74 00000001 31 6e"),
    truncate: message("54 00000002 03 00004001 00004002"),
    type: message("59 00004005 7075626c696300 6d6f6f6400"),
    origin: message("4f 0000000000f86a38 6f00"),
    message: message("4d 01 0000000000f86a38 7000 00000002 6869"),
  };
  const decode = (bytes: Buffer) => decodePgOutput(bytes, 0, bytes.length);

  test("the samples are messages of every kind", () => {
    for (const [kind, bytes] of Object.entries(SAMPLES))
      expect(decode(bytes).kind).toBe(kind as never);
  });

  test("a message that ends too early or too late is refused", () => {
    for (const bytes of Object.values(SAMPLES)) {
      for (let size = 0; size < bytes.length; size++) {
        const cut = Buffer.from(bytes.subarray(0, size));
        expect(() => decode(cut)).toThrow(ReactorError);
        // The end of the message counts, not that of the buffer it stands in.
        expect(() => decodePgOutput(bytes, 0, size)).toThrow(ReactorError);
      }
      expect(() => decode(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(ReactorError);
    }
  });

  test("any other bytes are refused or read within their bounds", () => {
    const rng = createSeededRng(1);
    const samples = Object.values(SAMPLES);
    for (let round = 0; round < 50_000; round++) {
      const bytes = Buffer.from(rng.pick(samples));
      for (let flips = rng.below(4); flips >= 0; flips--)
        bytes[rng.below(bytes.length)] = rng.below(256);
      try {
        decode(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(ReactorError);
      }
    }
  });

  test("positions in the log are read as they are printed", () => {
    for (const text of ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"]) {
      expect(formatLsn(parseLsn(text))).toBe(text);
    }
    for (const text of ["", "16", "16/", "/1", "g/1", "123456789/1", "1/1; drop"]) {
      expect(() => parseLsn(text)).toThrow(RangeError);
    }
  });
});
