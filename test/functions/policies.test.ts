/** Who may call which function, as `[[policies]]` of reactor.toml say. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { loadPolicies } from "../../src/shared/policy/load-policies.ts";
import {
  type FunctionsDatabase,
  type FunctionsWorld,
  openFunctionsDatabase,
  startFunctions,
} from "./world.ts";

const SOURCE = 'export default { fetch: () => new Response("ran") };';
let database: FunctionsDatabase;
let world: FunctionsWorld;

beforeAll(async () => {
  database = await openFunctionsDatabase();
  const { policies, faults } = loadPolicies([
    {
      ...{ name: "people", effect: "allow", actions: ["functions:guarded:invoke"] },
      when: 'principal.role == "authenticated" && request.method == "POST"',
    },
    { name: "shut", effect: "deny", actions: ["functions:shut:*"] },
  ]);
  expect(faults).toEqual([]);
  world = await startFunctions(database, {}, database.bus, policies);
  for (const name of ["guarded", "shut", "free"]) await world.deploy(name, SOURCE);
  await world.deploy("shut-open", SOURCE, { verify_jwt: false });
});

afterAll(async () => {
  await world?.stop();
  await database?.close();
});

const outcome = async (path: string, as: string, method = "POST") => {
  const answer = await world.call(path, { method }, as);
  return answer.status === 200
    ? await answer.text()
    : ((await answer.json()) as { code: string }).code;
};

describe("a policy", () => {
  test("lets those call whom it means", async () => {
    expect(await outcome("/fn/v1/guarded", "authenticated")).toBe("ran");
  });

  test("refuses all others, however they call", async () => {
    expect(await outcome("/fn/v1/guarded", "authenticated", "GET")).toBe("policy_denied");
    expect(await outcome("/fn/v1/guarded", "anon")).toBe("policy_denied");
    expect(await outcome("/fn/v1/guarded/below", "anon")).toBe("policy_denied");
    expect(await outcome("/fn/v1/shut", "authenticated")).toBe("policy_denied");
  });

  test("is about the functions it names", async () => {
    expect(await outcome("/fn/v1/free", "anon")).toBe("ran");
    expect(await outcome("/fn/v1/shut-open", "")).toBe("ran");
  });

  test("is passed by whoever holds the secret key", async () => {
    expect(await outcome("/fn/v1/shut", "service_role")).toBe("ran");
  });

  test("that refuses is in the log, with the request, and not in the answer", async () => {
    const answer = await world.call("/fn/v1/shut", { method: "POST" }, "authenticated");
    expect(answer.status).toBe(403);
    expect(await answer.text()).not.toContain('"shut"');
    const lines = world.log.lines.filter((line) => line.event === "policy.denied");
    expect(lines.at(-1)?.fields).toMatchObject({
      action: "functions:shut:invoke",
      policy: "shut",
    });
  });
});
