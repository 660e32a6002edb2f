import { describe, expect, test } from "bun:test";
import { attachContext, type RequestContext } from "../core/context.ts";
import { liveReload } from "./live-reload.ts";

/** The status of an upgrade request; 200 stands for a connection that became a WebSocket. */
async function statusFor(headers: Record<string, string>): Promise<number> {
  const request = new Request("http://localhost:7890/_dev/live", {
    headers: { host: "localhost:7890", ...headers },
  });
  const context = { upgrade: () => true, originalPath: "/_dev/live" };
  attachContext(request, context as unknown as RequestContext);
  return (await liveReload().routes.handle(request)).status;
}

describe("live reload", () => {
  test.each([
    ["a program", {}],
    ["a page served here", { origin: "http://localhost:7890" }],
    ["a development server beside it", { origin: "http://127.0.0.1:5173" }],
    ["a page on the same network name", { origin: "http://pi.lan:7890", host: "pi.lan:7890" }],
  ] as [string, Record<string, string>][])("is for %s", async (_who, headers) => {
    expect(await statusFor(headers)).toBe(200);
  });

  test.each([
    ["a page elsewhere", { origin: "https://evil.test" }],
    ["a page whose name looks near", { origin: "http://localhost.evil.test" }],
    ["a page without an origin of its own", { origin: "null" }],
  ] as [string, Record<string, string>][])("is not for %s", async (_who, headers) => {
    expect(await statusFor(headers)).toBe(403);
  });
});
