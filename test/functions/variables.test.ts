/** Secrets and environment: set without a deploy, sealed, told to the function and to nobody else. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sweepSealedEnv } from "../../src/capabilities/functions/sealed-env.ts";
import { readVersionKeys } from "../../src/capabilities/functions/store.ts";
import { whileWithout } from "../../src/capabilities/functions/store-changes.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { until } from "../support/until.ts";
import {
  type FunctionsDatabase,
  type FunctionsWorld,
  openFunctionsDatabase,
  startFunctions,
} from "./world.ts";

const TELLS = `export default () => Response.json({ ...process.env, TMPDIR: undefined });`;

let database: FunctionsDatabase;
let world: FunctionsWorld;

beforeAll(async () => {
  database = await openFunctionsDatabase();
  world = await startFunctions(database, { poll_ms: 100 });
});

afterAll(async () => {
  await world?.stop();
  await database?.close();
});

async function change(path: string, values: object, as = "service_role") {
  const headers = { "content-type": "application/json" };
  const init = { method: "PATCH", headers, body: JSON.stringify(values) };
  const answer = await world.call(`/fn/v1/_admin/${path}`, init, as);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const seen = async (name: string, from = world) =>
  (await (await from.call(`/fn/v1/${name}`)).json()) as Record<string, string>;

describe("the environment", () => {
  test("takes effect with the next call: shared, as deployed, and set for the function", async () => {
    const { version } = await world.deploy("layers", TELLS, {
      env: { A: "deployed", B: "deployed" },
    });
    await change("_shared/env", { A: "shared", B: "shared", C: "shared" });
    await change("layers/env", { B: "own" });
    expect(await seen("layers")).toMatchObject({ A: "deployed", B: "own", C: "shared" });
    await change("layers/env", { B: null });
    await change("_shared/env", { A: null, B: null, C: null });
    const after = await seen("layers");
    expect(after).toMatchObject({ A: "deployed", B: "deployed" });
    expect("C" in after).toBe(false);
    const answer = await world.call("/fn/v1/layers");
    expect(answer.headers.get("X-Reactor-Version")).toBe(version);
  });

  test("a change reaches another server, and ends the processes that had the old values", async () => {
    const other = await startFunctions(database, { poll_ms: 100 });
    try {
      await world.deploy("follows", TELLS);
      await change("follows/env", { A: "1" });
      await until(
        "the other has it",
        async () => (await other.call("/fn/v1/follows")).status === 200,
      );
      expect((await seen("follows", other))["A"]).toBe("1");
      await change("follows/env", { A: "2" });
      await until("the other follows", async () => (await seen("follows", other))["A"] === "2");
    } finally {
      await other.stop();
    }
  });
});

describe("the environment of a version", () => {
  test("is sealed: its row holds names alone, and it goes with the version", async () => {
    const env = { TOKEN: "sesame-deployed", REF: "vault:SOME" };
    await change("_shared/secrets", { SOME: "some" });
    const { version } = await world.deploy("sealed", TELLS, { env });
    expect(await seen("sealed")).toMatchObject({ TOKEN: "sesame-deployed", REF: "some" });
    const [row] = await world.sql`select env from functions.versions where name = 'sealed'`;
    expect(row?.["env"]).toEqual({ TOKEN: null, REF: "vault:SOME" });
    const path = `functions/deployed/sealed/${version}`;
    const sweep = (known?: Set<string>) =>
      sweepSealedEnv(
        database.vault,
        DEFAULT_TENANT,
        async () => known ?? readVersionKeys(world.sql),
        (...which) => whileWithout(world.sql, ...which),
      );
    const kept = () => database.vault.list(DEFAULT_TENANT, "functions/deployed/sealed");
    await sweep();
    expect(await kept()).toEqual([path]);
    // A deploy had not ended when the versions were read.
    await sweep(new Set());
    expect(await kept()).toEqual([path]);
    await world.call("/fn/v1/_admin/sealed", { method: "DELETE" });
    await sweep();
    expect(await kept()).toEqual([]);
    await change("_shared/secrets", { SOME: null });
  });

  test("that the vault cannot hold is refused", async () => {
    const env = { A: "x".repeat(32_000), B: "x".repeat(32_000) };
    expect(world.deploy("heavy", TELLS, { env })).rejects.toMatchObject({
      code: "function_invalid",
      details: "'heavy': env is larger than 60000 bytes",
    });
  });
});

describe("secrets", () => {
  test("are told to the function: its own before the one of all, as they stand now", async () => {
    await world.deploy("keeps", TELLS, { env: { KEY: "vault:API_KEY" } });
    await change("_shared/secrets", { API_KEY: "of all" });
    expect((await seen("keeps"))["KEY"]).toBe("of all");
    await change("keeps/secrets", { API_KEY: "own" });
    expect((await seen("keeps"))["KEY"]).toBe("own");
    await change("keeps/secrets", { API_KEY: null });
    expect((await seen("keeps"))["KEY"]).toBe("of all");
  });

  test("a running process asks for them anew: no deploy, no new process", async () => {
    await world.deploy(
      "asks",
      `import { reactor } from "reactor";
       const born = Math.random();
       export default async () => Response.json({ born, key: await reactor.secrets.get("API_KEY") });`,
    );
    await change("asks/secrets", { API_KEY: "first" });
    const first = await seen("asks");
    await change("asks/secrets", { API_KEY: "second" });
    expect(await seen("asks")).toEqual({ born: first["born"] ?? "", key: "second" });
    expect(first["key"]).toBe("first");
  });

  test("a function whose secret is not set does not run, and callers do not learn its name", async () => {
    const { report } = await world.deploy("lacks", TELLS, { env: { KEY: "vault:NOT_THERE" } });
    expect(report?.warnings).toEqual(["its settings name the secret NOT_THERE, which is not set"]);
    const answer = await world.call("/fn/v1/lacks");
    const body = await answer.text();
    expect(answer.status).toBe(503);
    expect(body).toContain("function_not_configured");
    expect(body).not.toContain("NOT_THERE");
    await change("lacks/secrets", { NOT_THERE: "now it is" });
    expect((await seen("lacks"))["KEY"]).toBe("now it is");
  });

  test("no route and no row tells a value", async () => {
    await world.deploy("quiet", TELLS);
    await change("quiet/secrets", { API_KEY: "sesame-open" });
    await change("quiet/env", { MODE: "sesame-env" });
    const pages = ["", "/quiet", "/quiet/versions", "/quiet/secrets", "/quiet/env"];
    const texts = await Promise.all(
      pages.map(async (path) => (await world.call(`/fn/v1/_admin${path}`)).text()),
    );
    expect(texts.join()).not.toContain("sesame");
    expect(JSON.parse(texts[3] ?? "{}")).toMatchObject({ secrets: [{ name: "API_KEY" }] });
    expect(JSON.parse(texts[1] ?? "{}")).toMatchObject({
      secret_names: ["API_KEY"],
      env_names: ["MODE"],
    });
    const rows = await world.sql`select * from functions.variables`;
    expect(JSON.stringify(rows)).not.toContain("sesame");
  });

  test("what is no name or no value changes nothing", async () => {
    const bad = await change("odd/secrets", { GOOD: "1", "a b": "2", X: "\u0000" });
    expect(bad.status).toBe(422);
    expect(bad.body["code"]).toBe("variable_invalid");
    expect((await change("odd/secrets", { A: 1 })).status).toBe(400);
    expect((await change("odd/secrets", { A: "x".repeat(65_537) })).status).toBe(422);
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`K${n}`, "v"]));
    expect((await change("odd/secrets", many)).status).toBe(422);
    expect((await change("%2e%2e/secrets", { A: "1" })).status).toBe(404);
    expect((await change("odd/env", { "A-B": "1" })).status).toBe(422);
    expect((await change("odd/env", Object.fromEntries([["__proto__", "1"]]))).status).toBe(400);
    const list = await world.call("/fn/v1/_admin/odd/secrets");
    expect(await list.json()).toEqual({ secrets: [] });
  });

  test("are for the secret key", async () => {
    for (const path of ["x/secrets", "x/env", "_shared/secrets"]) {
      expect((await change(path, { A: "1" }, "")).status).toBe(401);
      expect((await change(path, { A: "1" }, "authenticated")).status).toBe(403);
      const asUser = await world.call(`/fn/v1/_admin/${path}`, {}, "authenticated");
      expect(asUser.status).toBe(403);
    }
  });

  test("go with their function", async () => {
    await world.deploy("leaves", TELLS);
    await change("leaves/secrets", { API_KEY: "x" });
    await world.call("/fn/v1/_admin/leaves", { method: "DELETE" });
    const list = await world.call("/fn/v1/_admin/leaves/secrets");
    expect(await list.json()).toEqual({ secrets: [] });
    const left = await database.vault.list(DEFAULT_TENANT, "functions/secret/of/leaves");
    expect(left).toEqual([]);
  });
});
