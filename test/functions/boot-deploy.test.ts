/** What a start of the server deploys of its project: what is new, and no move of a pointer is undone. */
import { afterAll, beforeAll, expect, test } from "bun:test";
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

async function deploy(
  promote: boolean | "if_changed",
  name: string,
  text: string,
  settings: object = {},
) {
  const bytes = new TextEncoder().encode(says(text));
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const sizeBytes = bytes.byteLength;
  const item = { name, sha256, sizeBytes, settings: { runtime: "bun", ...settings }, promote };
  const [planned] = await world.deployer.plan(DEFAULT_TENANT, [item]);
  if (planned?.action === "unchanged") return planned.action;
  return (await world.deployer.apply(DEFAULT_TENANT, item, bytes)).action;
}

const boot = (name: string, text: string, settings?: object) =>
  deploy("if_changed", name, text, settings);

async function post(path: string, body: object = {}) {
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await world.call(`/fn/v1/_admin/${path}`, init);
  expect(answer.status).toBe(200);
}

async function inService(name: string) {
  const answer = await world.call(`/fn/v1/_admin/${name}`);
  const { share } = (await answer.json()) as { share: { percent: number } | null };
  return [await (await world.call(`/fn/v1/${name}`)).text(), share?.percent ?? null];
}

test("a rollback outlives starts, and what is changed then goes live", async () => {
  await boot("back", "one");
  await boot("back", "two");
  await post("back/rollback");
  expect(await boot("back", "two")).toBe("unchanged");
  expect(await inService("back")).toEqual(["one", null]);
  expect(await boot("back", "three")).toBe("update");
  expect(await inService("back")).toEqual(["three", null]);
});

test("a trial keeps its part, and the version that is promoted stays", async () => {
  await boot("trial", "old");
  await deploy(false, "trial", "new");
  expect(await boot("trial", "new")).toBe("unchanged");
  expect(await inService("trial")).toEqual(["old", null]);
  await post("trial/promote", { percent: 1 });
  expect(await boot("trial", "new")).toBe("unchanged");
  expect((await inService("trial"))[1]).toBe(1);
  await post("trial/promote");
  expect(await boot("trial", "new")).toBe("unchanged");
  expect(await inService("trial")).toEqual(["new", null]);
});

test("a file that is given an earlier content again goes live, as does the one after it", async () => {
  await boot("revert", "one");
  await boot("revert", "two");
  expect(await boot("revert", "one")).toBe("update");
  expect(await inService("revert")).toEqual(["one", null]);
  expect(await boot("revert", "two")).toBe("update");
  await post("revert/rollback");
  expect(await boot("revert", "one")).toBe("update");
  expect(await boot("revert", "two")).toBe("update");
  expect(await inService("revert")).toEqual(["two", null]);
});

test("an asked for deploy of what is active already is remembered, and ends no trial", async () => {
  await boot("asked", "one");
  await deploy(false, "asked", "two");
  await post("asked/promote", { percent: 1 });
  expect(await deploy(true, "asked", "one")).toBe("update");
  expect((await inService("asked"))[1]).toBe(1);
  expect(await deploy(true, "asked", "one")).toBe("unchanged");
  expect(await boot("asked", "two")).toBe("update");
  expect(await inService("asked")).toEqual(["two", null]);
});

test("settings that no version has are applied, and the pointer stays", async () => {
  await boot("open", "one");
  await boot("open", "two");
  await post("open/rollback");
  expect(await boot("open", "two", { verify_jwt: false })).toBe("update");
  expect((await world.call("/fn/v1/open", {}, "anon")).status).toBe(200);
  expect(await inService("open")).toEqual(["one", null]);
  expect(await boot("open", "two", { verify_jwt: false })).toBe("unchanged");
});

test("what was removed is made again", async () => {
  await boot("gone", "one");
  expect((await world.call("/fn/v1/_admin/gone", { method: "DELETE" })).ok).toBe(true);
  expect(await boot("gone", "one")).toBe("create");
  expect(await inService("gone")).toEqual(["one", null]);
});
