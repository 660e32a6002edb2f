import { describe, expect, test } from "bun:test";
import { Elysia } from "elysia";
import { attachContext, type RequestContext } from "../core/context.ts";
import { coreErrors, ReactorError } from "../core/errors.ts";
import { composeApp } from "./compose.ts";

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
