import { describe, expect, test } from "bun:test";
import { createMemoryLog } from "../../test/support/memory-log.ts";
import { attachContext, type RequestContext } from "./context.ts";
import { coreErrors, ReactorError } from "./errors.ts";
import { errorResponse, reportError, toReactorError } from "./http.ts";

const SECRET = "connect to postgres://owner:hunter2@10.0.0.5/app refused";

describe("what a client is told of a failure", () => {
  test.each([
    ["an error of ours", new Error(SECRET)],
    ["a driver's error", Object.assign(new Error(SECRET), { code: "ECONNREFUSED" })],
    ["a thrown text", SECRET],
    ["nothing at all", null],
  ])("is nothing of %s but that there was one", async (_, thrown) => {
    const response = errorResponse(toReactorError(thrown, "/x"));
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      code: "internal_error",
      message: "The server could not complete the request",
      details: null,
      hint: "The request id in X-Request-Id finds the cause in the server's log",
    });
  });

  test("is never the cause of an error of the table", async () => {
    const response = errorResponse(coreErrors.unavailable("The database", new Error(SECRET)));
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.text()).not.toContain("hunter2");
  });

  test("is the whole of what was meant for it", async () => {
    const error = new ReactorError({
      ...{ status: 422, code: "c", message: "m", details: "d", hint: "h" },
      ...{ headers: { "X-Own": "1" }, extra: { reasons: ["r"] } },
    });
    const response = errorResponse(toReactorError(error, "/x"));
    expect([response.status, response.headers.get("x-own")]).toEqual([422, "1"]);
    expect(await response.text()).toBe(
      '{"code":"c","message":"m","details":"d","hint":"h","reasons":["r"]}',
    );
  });
});

test("the log gets the cause, for failures of the server only", () => {
  const log = createMemoryLog();
  const request = new Request("http://localhost/");
  attachContext(request, { log } as unknown as RequestContext);
  const cause = new Error(SECRET);
  reportError(request, coreErrors.internal_error(cause));
  reportError(request, coreErrors.not_found("/x"));
  expect(log.lines).toEqual([
    { level: "error", event: "http.failed", fields: { code: "internal_error", error: cause } },
  ]);
});
