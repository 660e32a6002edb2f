/** Two versions of a function at once: deployed without calls, tried with a part of them, promoted. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import {
  type FunctionsDatabase,
  type FunctionsWorld,
  openFunctionsDatabase,
  startFunctions,
} from "./world.ts";

const says = (text: string) => `export default () => new Response(${JSON.stringify(text)});`;

let database: FunctionsDatabase;
let world: FunctionsWorld;

beforeAll(async () => {
  database = await openFunctionsDatabase();
  world = await startFunctions(database);
});

afterAll(async () => {
  await world?.stop();
  await database?.close();
});

async function upload(name: string, code: string, settings: object = {}) {
  const bytes = new TextEncoder().encode(code);
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const item = {
    name,
    sha256,
    sizeBytes: bytes.byteLength,
    settings: { runtime: "bun", ...settings },
  };
  return world.deployer.apply(DEFAULT_TENANT, { ...item, promote: false }, bytes);
}

async function post(path: string, body: object = {}, as = "service_role") {
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await world.call(`/fn/v1/_admin/${path}`, init, as);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const text = async (path: string) => (await world.call(path)).text();

/** Two versions, the older one active. */
async function pair(name: string) {
  const { version: old } = await world.deploy(name, says("old"));
  const { version: fresh } = await upload(name, says("new"));
  return { old, fresh };
}

/** What so many calls were answered with. */
async function sample(name: string, calls: number) {
  const seen = { old: 0, new: 0 };
  for (let n = 0; n < calls; n += 1) seen[(await text(`/fn/v1/${name}`)) as "old" | "new"] += 1;
  return seen;
}

describe("promoting", () => {
  test("an upload gets no calls until it is promoted, and a rollback goes back over it", async () => {
    const { old, fresh } = await pair("later");
    expect(await text("/fn/v1/later")).toBe("old");
    expect((await post("later/promote")).body).toEqual({
      name: "later",
      version: fresh,
      previous_version: old,
      share: null,
    });
    expect(await text("/fn/v1/later")).toBe("new");
    expect((await post("later/rollback")).body).toMatchObject({ version: old });
    expect(await text("/fn/v1/later")).toBe("old");
  });

  test("an earlier version that is uploaded again is the newest, and is what is promoted", async () => {
    const { version: old } = await world.deploy("again", says("old"));
    await upload("again", says("between"));
    await world.deploy("again", says("new"));
    await upload("again", says("old"));
    expect(await text("/fn/v1/again")).toBe("new");
    expect((await post("again/promote")).body).toMatchObject({ version: old });
    expect(await text("/fn/v1/again")).toBe("old");
    expect((await post("again/promote")).body["code"]).toBe("nothing_to_promote");
  });

  test("the first version of a function is in service whatever was asked", async () => {
    await upload("first", says("here"));
    expect(await text("/fn/v1/first")).toBe("here");
  });

  test("a share by request: both answer, headers, rows and metrics tell them apart", async () => {
    const { old, fresh } = await pair("shared");
    const shared = await post("shared/promote", { version: fresh.slice(0, 12), percent: 50 });
    expect(shared.body).toMatchObject({
      version: old,
      share: { version: fresh, percent: 50, by: "request" },
    });
    const seen = new Map<string, string | null>();
    for (let n = 0; n < 60; n += 1) {
      const { headers } = await world.call("/fn/v1/shared");
      seen.set(headers.get("X-Reactor-Version") ?? "", headers.get("X-Reactor-Version-Share"));
    }
    expect(Object.fromEntries(seen)).toEqual({ [old]: null, [fresh]: "true" });
    const page = (await (
      await world.call("/fn/v1/_admin/shared/invocations?limit=1000")
    ).json()) as {
      invocations: { version: string; shared: boolean }[];
    };
    const rows = new Set(page.invocations.map(({ version, shared: part }) => `${version} ${part}`));
    expect([...rows].sort()).toEqual([`${old} false`, `${fresh} true`].sort());
    expect(world.metrics()).toMatch(
      /invocations_total\{function="shared",version="share",status="2xx"\} [1-9]/,
    );
    const versions = (await (await world.call("/fn/v1/_admin/shared/versions")).json()) as {
      versions: { version: string; percent: number }[];
    };
    expect(versions.versions.map(({ percent }) => percent)).toEqual([50, 50]);
  });

  test("a share by caller: one caller stays with one version", async () => {
    const { fresh } = await pair("sticky");
    await post("sticky/promote", { version: fresh, percent: 50, by: "caller" });
    const seen = await sample("sticky", 20);
    expect(Math.min(seen.old, seen.new)).toBe(0);
  });

  test("a share grows, ends by a rollback, and becomes all by a promotion without a version", async () => {
    const { old, fresh } = await pair("grows");
    await post("grows/promote", { version: fresh, percent: 0.01, by: "caller" });
    const grown = await post("grows/promote", { percent: 99.99 });
    expect(grown.body).toMatchObject({
      share: { version: fresh, percent: 99.99, by: "caller" },
    });
    expect((await post("grows/rollback")).body).toEqual({
      name: "grows",
      version: old,
      previous_version: fresh,
    });
    expect(await text("/fn/v1/grows")).toBe("old");
    await post("grows/promote", { version: fresh, percent: 10 });
    expect((await post("grows/promote")).body).toMatchObject({ version: fresh, share: null });
    expect(await text("/fn/v1/grows")).toBe("new");
  });

  test("a deploy ends a share", async () => {
    const { fresh } = await pair("ended");
    await post("ended/promote", { version: fresh, percent: 50 });
    await world.deploy("ended", says("newest"));
    for (let n = 0; n < 10; n += 1) expect(await text("/fn/v1/ended")).toBe("newest");
    expect(await (await world.call("/fn/v1/_admin/ended")).json()).toMatchObject({ share: null });
  });

  test("what cannot be promoted is refused, and nothing changes", async () => {
    const { old } = await pair("refused");
    expect((await post("refused/promote", { version: old })).body["code"]).toBe(
      "version_is_active",
    );
    expect((await post("refused/promote", { version: "0".repeat(64) })).status).toBe(404);
    expect((await post("refused/promote", { percent: 0 })).body["code"]).toBe("nothing_to_promote");
    for (const body of [
      { percent: 101 },
      { percent: -1 },
      { percent: "10" },
      { by: "luck" },
      { percent: 99.999 },
      { percent: 0.004 },
    ]) {
      const { status } = await post("refused/promote", body);
      expect([body, status]).toEqual([body, 400]);
    }
    expect((await post("nothing/promote")).status).toBe(404);
    await world.deploy("single", says("only"));
    expect((await post("single/promote")).body["code"]).toBe("nothing_to_promote");
    expect(await text("/fn/v1/refused")).toBe("old");
  });

  test("is for the secret key", async () => {
    await pair("closed");
    expect((await post("closed/promote", {}, "authenticated")).status).toBe(403);
    expect((await post("closed/promote", {}, "")).status).toBe(401);
  });

  test("strangers are refused before their body is looked at", async () => {
    const init = { method: "POST", body: "no JSON" };
    expect((await world.call("/fn/v1/_admin/any/promote", init, "")).status).toBe(401);
    expect((await world.call("/fn/v1/_admin/any/promote", init, "anon")).status).toBe(403);
    expect((await world.call("/fn/v1/_admin/any/promote", init)).status).toBe(400);
  });

  test("the sweep spares a version that has a share", async () => {
    const { fresh } = await pair("spared");
    await post("spared/promote", { version: fresh, percent: 5 });
    for (const n of ["1", "2", "3"]) await upload("spared", says(n));
    const { trimRecords } = await import("../../src/capabilities/functions/store-records.ts");
    await trimRecords(world.sql, { logLines: 1, invocations: 1, versions: 2 });
    expect(await (await world.call("/fn/v1/_admin/spared")).json()).toMatchObject({
      share: { version: fresh },
    });
  });
});
