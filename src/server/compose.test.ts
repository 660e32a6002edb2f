import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { Capability, Deps, Mounted } from "../core/capability.ts";
import { attachContext, type RequestContext } from "../core/context.ts";
import { coreErrors, ReactorError } from "../core/errors.ts";
import type { PortName } from "../core/ports/index.ts";
import { StartupError } from "../core/startup-error.ts";
import { composeApp, inOrderOfNeeds, mountAll } from "./compose.ts";

const calls: string[] = [];
function capability(name: string, needs: string[] = [], provides: string[] = []): Capability {
  return {
    name,
    section: name,
    mounts: [],
    config: Type.Object({}),
    migrations: [],
    needs: needs as PortName[],
    provides: provides as PortName[],
    async mount() {
      if (name === "broken") throw new Error("broken does not mount");
      calls.push(`mount ${name}`);
      const mounted: Mounted = {
        plugin: new Elysia(),
        services: [],
        health: async () => ({ status: "ok" }),
        close: async () => void calls.push(`close ${name}`),
      };
      return mounted;
    },
  };
}

const names = (list: readonly Capability[]) => list.map(({ name }) => name);

describe("the order of mounting", () => {
  const auth = capability("auth", [], ["auth"]);
  const data = capability("data", ["auth"]);
  const functions = capability("functions", ["auth"], ["functions_deployer"]);

  test("whoever provides comes before whoever needs", () => {
    expect(names(inOrderOfNeeds([data, functions, auth], []))).toEqual([
      "auth",
      "data",
      "functions",
    ]);
  });

  test("what is had from elsewhere is not needed here", () => {
    expect(names(inOrderOfNeeds([data], ["auth"]))).toEqual(["data"]);
  });

  test("a need that nothing meets is a fault of the configuration", () => {
    let fault: unknown;
    try {
      inOrderOfNeeds([data], []);
    } catch (error) {
      fault = error;
    }
    expect(fault).toBeInstanceOf(StartupError);
    expect(fault).toMatchObject({
      code: "need_unmet",
      exitCode: 2,
      message: "data needs 'auth', which nothing here provides",
      hint: "Add the capability that provides it to --only, or set [auth] url to where it runs",
    });
  });
});

test("one that does not mount closes those before it, in reverse", async () => {
  calls.length = 0;
  const list = [capability("a"), capability("b"), capability("broken"), capability("c")];
  const mounting = mountAll(
    list,
    async () => ({}) as never,
    () => ({}) as Deps,
    {},
  );
  await expect(mounting).rejects.toThrow("broken does not mount");
  expect(calls).toEqual(["mount a", "mount b", "close b", "close a"]);
});

const plugin = new Elysia({ name: "test" })
  .get("/_admin/status", () => "status")
  .get("/_admin", () => "root")
  .get("/_administrators", () => "others");
const app = composeApp([plugin], {
  "/_admin": (request) => {
    if (!request.headers.has("authorization")) throw coreErrors.forbidden("no");
  },
});

async function ask(path: string, headers: Record<string, string> = {}): Promise<number> {
  const request = new Request(`http://localhost${path}`, { headers });
  const context = { path, originalPath: path, route: "unmatched" };
  attachContext(request, context as unknown as RequestContext);
  try {
    return (await app.handle(request)).status;
  } catch (error) {
    if (error instanceof ReactorError) return error.status;
    throw error;
  }
}

describe("a gate", () => {
  test.each(["/_admin", "/_admin/", "/_admin/status", "/_admin/nothing", "/_admin/status/x"])(
    "stands before %s",
    async (path) => {
      expect(await ask(path)).toBe(403);
    },
  );

  test("lets pass who may", async () => {
    expect(await ask("/_admin/status", { authorization: "x" })).toBe(200);
    expect(await ask("/_admin/nothing", { authorization: "x" })).toBe(404);
  });

  test("is not for a path that only begins alike", async () => {
    expect(await ask("/_administrators")).toBe(200);
  });
});
