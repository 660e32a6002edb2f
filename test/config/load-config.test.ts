/** Where settings come from, which one wins, and what is said when they are wrong. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { ConfigError } from "../../src/core/config/config-error.ts";
import { type ConfigSources, loadConfig } from "../../src/core/config/load-config.ts";
import { mergeSections } from "../../src/core/config/merge-sections.ts";
import { coreSections, PROJECT_LISTS } from "../../src/core/config/sections.ts";

const dir = mkdtempSync(join(tmpdir(), "reactor-config-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const sample = Type.Object({
  name: Type.String({ default: "x", minLength: 1, description: "A name" }),
  ratio: Type.Number({ default: 0.5, minimum: 0, maximum: 1, description: "" }),
  size: Type.Optional(Type.Integer({ minimum: 1, description: "Optional" })),
  api_key: Type.String({ default: "", secret: true, vault: true, description: "A secret" }),
  pin: Type.String({ default: "", secret: true, description: "A secret of this file" }),
  labels: Type.Record(Type.String(), Type.String(), { default: {}, description: "" }),
  ports: Type.Array(Type.Integer(), { default: [], description: "" }),
  mail: Type.Object({
    from: Type.String({ default: "a@b.c", description: "" }),
    tls: Type.Object({ verify: Type.Boolean({ default: true, description: "" }) }),
  }),
});

let files = 0;
function load(toml: string | null, more: Partial<ConfigSources> = {}) {
  const file = toml === null ? null : join(dir, `${++files}`, "reactor.toml");
  if (file !== null && toml !== null) {
    Bun.spawnSync(["mkdir", "-p", join(file, "..")]);
    writeFileSync(file, toml);
  }
  const sections = mergeSections(coreSections, { sample });
  return loadConfig({ sections, lists: PROJECT_LISTS, file, env: {}, ...more });
}

function faultsOf(toml: string | null, more: Partial<ConfigSources> = {}) {
  try {
    load(toml, more);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("no fault was found");
}

interface Sample {
  name: string;
  ratio: number;
  size?: number;
  api_key: string;
  labels: Record<string, string>;
  ports: number[];
  mail: { from: string; tls: { verify: boolean } };
}

describe("where settings come from", () => {
  test("everything has a default, so no file is needed", () => {
    const config = load(null);
    expect(config.section<{ port: number }>("server").port).toBe(7890);
    expect(config.section<{ token: string }>("admin").token).toBe("");
    expect(config.origin("server.port")).toBe("default");
    expect(config.file).toBeNull();
    expect(config.lists["functions"]).toEqual([]);
  });

  test("the file is used with the line of each key as origin", () => {
    const config = load(
      '# note\n[server]\nhost = """\n::"""\nport = 1\n\n[sample.mail]\ntls = { verify = false }\n[[functions]]\nname = "a"\n[[functions]]\nname = "b"\n',
    );
    expect(config.section<{ port: number; host: string }>("server")).toMatchObject({
      port: 1,
      host: "::",
    });
    expect(config.origin("server.port")).toBe("reactor.toml:5");
    expect(config.origin("sample.mail.tls.verify")).toBe("reactor.toml:8");
    expect(config.section<Sample>("sample").mail).toEqual({
      from: "a@b.c",
      tls: { verify: false },
    });
    expect(config.lists["functions"]).toEqual([{ name: "a" }, { name: "b" }]);
  });

  test("a flag beats the environment, which beats the file", () => {
    const toml = "[server]\nport = 1\nidle_timeout_s = 1\nshutdown_timeout_s = 1\n";
    const env = { REACTOR_SERVER__PORT: "2", REACTOR_SERVER__IDLE_TIMEOUT_S: "2" };
    const config = load(toml, { env, flags: { "server.port": 3, "server.host": undefined } });
    expect(config.section<object>("server")).toMatchObject({
      port: 3,
      idle_timeout_s: 2,
      shutdown_timeout_s: 1,
    });
    expect(config.origin("server.port")).toBe("flag");
    expect(config.origin("server.idle_timeout_s")).toBe("env:REACTOR_SERVER__IDLE_TIMEOUT_S");
  });

  test("environment text is typed by the schema, nested keys included", () => {
    const config = load(null, {
      env: {
        REACTOR_SAMPLE__RATIO: "0.25",
        REACTOR_SAMPLE__NAME: "42",
        REACTOR_SAMPLE__PORTS: "1, 2,3",
        REACTOR_SAMPLE__LABELS: '{"a":"b"}',
        REACTOR_SAMPLE__MAIL__TLS__VERIFY: "False",
        REACTOR_SERVER__CORS__ORIGINS: '["https://a.test"]',
        REACTOR_SERVER__TRUSTED_PROXIES: "",
      },
    });
    expect(config.section<Sample>("sample")).toMatchObject({
      ratio: 0.25,
      name: "42",
      ports: [1, 2, 3],
      labels: { a: "b" },
      mail: { tls: { verify: false } },
    });
    expect(config.section<object>("server")).toMatchObject({
      cors: { origins: ["https://a.test"] },
      trusted_proxies: [],
    });
  });

  test("env:NAME is replaced and typed; vault:path stays for secrets", () => {
    const toml =
      '[server]\nport = "env:PORT"\n[sample]\napi_key = "vault:mail/key"\n[[functions]]\nname = "a"\nenv = { K = "env:K" }\n';
    const config = load(toml, { env: { PORT: "81", K: "v" } });
    expect(config.section<{ port: number }>("server").port).toBe(81);
    expect(config.section<Sample>("sample").api_key).toBe("vault:mail/key");
    expect(config.lists["functions"]).toEqual([{ name: "a", env: { K: "v" } }]);
  });

  test("an optional setting without default stays absent, and results are frozen", () => {
    const section = load(null).section<Sample>("sample");
    expect("size" in section).toBe(false);
    expect(() => section.ports.push(1)).toThrow();
  });

  test("other programs' REACTOR_ variables are left alone", () => {
    expect(() =>
      load(null, { env: { REACTOR_TOKEN: "x", REACTOR_DATA_DIR: "y", REACTOR_OTHER__KEY: "z" } }),
    ).not.toThrow();
  });
});

describe("what is wrong is told at once", () => {
  test("all faults of file, environment and flags come in one error with exit code 2", () => {
    const error = faultsOf(
      '[server]\nprot = 1\nport = "x"\n[serverr]\na = 1\n[sample]\nratio = 2\nname = "env:NOPE"\n[sample.mail]\nfrom = 1\n',
      {
        env: {
          REACTOR_SERVER__HOSTT: "x",
          REACTOR_SAMPLE__RATIO: "many",
          REACTOR_SERVER_PORT: "1",
        },
        flags: { "server.port": 70_000 },
      },
    );
    expect(error.exitCode).toBe(2);
    const text = error.faults.map((f) => [f.where, f.key, f.message, f.hint]);
    expect(text).toEqual([
      ["reactor.toml:2", "server.prot", "no such setting", "did you mean port?"],
      ["reactor.toml:3", "server.port", 'expected an integer from 0 to 65535, got "x"', undefined],
      ["reactor.toml:4", "serverr", "no such section", "did you mean server?"],
      ["reactor.toml:7", "sample.ratio", "expected a number from 0 to 1, got 2", undefined],
      ["reactor.toml:8", "sample.name", "the environment variable NOPE is not set", undefined],
      ["reactor.toml:10", "sample.mail.from", "expected a string, got 1", undefined],
      ["REACTOR_SERVER__HOSTT", null, "no such setting", "did you mean REACTOR_SERVER__HOST?"],
      [
        "REACTOR_SAMPLE__RATIO",
        "sample.ratio",
        'expected a number from 0 to 1, got "many"',
        undefined,
      ],
      ["REACTOR_SERVER_PORT", null, "no such setting", "did you mean REACTOR_SERVER__PORT?"],
      ["--port", "server.port", "expected an integer from 0 to 65535, got 70000", undefined],
    ]);
    for (const fault of error.faults) expect(error.message).toContain(fault.message);
  });

  test("another program's setting is refused with what does its work here", () => {
    const sample = Type.Object({}, { refused: { pool: "server.port is the port" } });
    const error = faultsOf("[sample]\npool = 5\n", {
      sections: mergeSections({ sample: Type.Object({}) }, { sample }),
      env: { REACTOR_SAMPLE__POOL: "6" },
    });
    expect(error.faults.map((f) => [f.where, f.message, f.hint])).toEqual([
      ["reactor.toml:2", "not a setting of Reactor", "server.port is the port"],
      ["REACTOR_SAMPLE__POOL", "not a setting of Reactor", "server.port is the port"],
    ]);
  });

  test("a syntax fault shows line, column and the line itself", () => {
    const error = faultsOf("[server]\nport = = 1\n");
    expect(error.faults[0]?.where).toBe("reactor.toml:2:8");
    expect(error.message).toContain("2 | port = = 1");
  });

  test("no fault echoes a secret", () => {
    const cases: [string, Partial<ConfigSources>][] = [
      ['[sample]\napi_key = "hunter2\n', {}],
      ['sample = { api_key = "hunter2" "\n', {}],
      ['[x]\nlink = "postgres://me:hunter2@host" 1\n', {}],
      ['[sample]\napi_key = ["hunter2"]\n', {}],
      ['[sample]\nratio = "env:S"\n', { env: { S: "hunter2" } }],
      ["", { env: { REACTOR_SAMPLE__API_KEY: "env:MISSING", hunter2: "" } }],
      ['[server]\nport = "postgres://me:hunter2@host"\n', {}],
      ['[sample]\nname = """\napi_key = """\nhunter2 = = "\n"""\n', {}],
    ];
    for (const [toml, more] of cases) {
      expect(faultsOf(toml, more).message).not.toContain("hunter2");
    }
  });

  test("vault: is refused where no secret belongs", () => {
    expect(faultsOf('[sample]\nname = "vault:a/b"\n').faults[0]?.message).toContain("secret");
  });

  test("vault: is refused by a secret that is not looked up there, and without a path", () => {
    // As they stand they would be secrets that anybody guesses.
    const pin = faultsOf('[sample]\npin = "vault:sample/pin"\n').faults[0];
    expect([pin?.key, pin?.message]).toEqual(["sample.pin", expect.stringContaining("env:NAME")]);
    for (const text of ["vault:", "vault:Sample/Key", "vault:/key"]) {
      const { faults } = faultsOf(`[sample]\napi_key = "${text}"\n`);
      expect([text, faults[0]?.key]).toEqual([text, "sample.api_key"]);
    }
  });

  test("a section written as a list, and a list written as a section, are explained", () => {
    const error = faultsOf('[[server]]\nport = 1\n[functions]\nname = "a"\n');
    expect(error.faults.map((f) => [f.where, f.message])).toEqual([
      ["reactor.toml:1", "expected a table [server], got a list"],
      ["reactor.toml:3", "expected a list of tables, written [[functions]]"],
    ]);
  });

  test("a variable that an entry of a list needs and nobody has set is told by the entry's name", () => {
    const error = faultsOf(
      '[[functions]]\nname = "pay"\nenv = { K = "env:NOPE" }\n[[functions]]\npath = "env:NOPE"\n',
    );
    expect(error.faults.map((fault) => fault.key)).toEqual(["functions 'pay'", "functions.1"]);
  });

  test("a misspelt key in a list's table is found when the list has a schema", () => {
    const listSchemas = { functions: Type.Object({ name: Type.String(), path: Type.String() }) };
    const error = faultsOf('[[functions]]\nname = "a"\n[[functions]]\npaht = "b"\n', {
      listSchemas,
    });
    expect(error.faults).toEqual([
      {
        where: "reactor.toml:4",
        key: "functions.1.paht",
        message: "no such setting",
        hint: "did you mean path?",
      },
    ]);
  });

  test("a required setting that nobody gave is named", () => {
    const sections = { need: Type.Object({ key: Type.String({ description: "" }) }) };
    expect(faultsOf(null, { sections }).faults).toEqual([
      { where: "configuration", key: "need.key", message: "this setting is required" },
    ]);
  });

  test("a file that cannot be read is a fault", () => {
    expect(faultsOf(null, { file: join(dir, "absent.toml") }).message).toContain("ENOENT");
  });
});

test("explain names every key with value, origin and description, secrets masked", () => {
  const config = load(
    '[sample]\napi_key = "hunter2"\n[database]\nurl = "postgres://a:hunter2@h/d"\n',
  );
  const entries = config.explain();
  expect(entries.find((e) => e.key === "sample.api_key")).toEqual({
    key: "sample.api_key",
    value: "********",
    origin: "reactor.toml:2",
    description: "A secret",
  });
  expect(entries.find((e) => e.key === "database.url")?.value).toBe("postgres://a:********@h/d");
  expect(entries.find((e) => e.key === "sample.size")?.value).toBeNull();
  expect(JSON.stringify(entries)).not.toContain("hunter2");
});

test("two owners may share a section but not a key", () => {
  const url = Type.Object({ url: Type.String({ default: "" }) });
  const ttl = Type.Object({ ttl: Type.Integer({ default: 1 }) });
  const merged = mergeSections({ auth: url }, { auth: ttl })["auth"];
  expect(Object.keys(merged?.properties ?? {})).toEqual(["url", "ttl"]);
  expect(() => mergeSections({ auth: url }, { auth: url })).toThrow("auth.url is declared twice");
});

test("every core setting has a description and a default that passes its own schema", () => {
  for (const entry of load(null)
    .explain()
    .filter((e) => !e.key.startsWith("sample."))) {
    expect([entry.key, entry.description.length > 10]).toEqual([entry.key, true]);
  }
});
