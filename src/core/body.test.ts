import { describe, expect, test } from "bun:test";
import { readJsonObject } from "./body.ts";
import { ReactorError } from "./errors.ts";

const read = (body: BodyInit | null, headers: Record<string, string> = {}, limitBytes = 100) =>
  readJsonObject(new Request("http://localhost", { method: "POST", body, headers }), limitBytes);

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "read",
    (error: unknown) => (error instanceof ReactorError ? error.code : "thrown"),
  );

describe("a body that must be one JSON object", () => {
  test.each(["application/json", "text/plain", "application/x-www-form-urlencoded"])(
    "is read when it comes as %s",
    async (type) => {
      expect(await read('{"dry_run":true}', { "content-type": type })).toEqual({ dry_run: true });
    },
  );

  test("is empty when there is none", async () => {
    expect(await read(null)).toEqual({});
    expect(await read("")).toEqual({});
  });

  test.each(["{", '{"a":1', "null", "1", '"a"', "[]", "a=1", "\ufeff"])(
    "is refused when it is %p",
    async (text) => {
      expect(await codeOf(read(text))).toBe("bad_request");
    },
  );

  test("is refused when it is not UTF-8, or too large", async () => {
    expect(await codeOf(read(new Uint8Array([0x7b, 0xff, 0x7d])))).toBe("bad_request");
    expect(await codeOf(read(`{"a":"${"x".repeat(100)}"}`))).toBe("payload_too_large");
  });
});
