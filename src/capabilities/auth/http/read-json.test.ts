/** Bodies: what is read, and what is refused with which status. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ReactorError } from "../../../core/errors.ts";
import {
  BODY_BYTES_MAX,
  flagOf,
  objectOf,
  readJson,
  readOptionalJson,
  textOf,
} from "./read-json.ts";

const post = (body: BodyInit, type: string | null = "application/json") =>
  new Request("http://localhost/", {
    method: "POST",
    body,
    ...(type === null ? {} : { headers: { "content-type": type } }),
  });

async function refusal(request: Request): Promise<string> {
  const error = await readJson(request).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ReactorError)) return `not refused: ${String(error)}`;
  return `${error.status} ${error.code}`;
}

describe("a body", () => {
  test("is one JSON object; the last of repeated keys stands", async () => {
    expect(await readJson(post('{"a":1,"a":2}'))).toEqual({ a: 2 });
    expect(await readJson(post("{}", "Application/JSON; charset=utf-8"))).toEqual({});
  });

  test.each([
    ["nothing", ""],
    ["an array", "[]"],
    ["a string", '"x"'],
    ["null", "null"],
    ["a trailing comma", '{"a":1,}'],
    ["a byte-order mark", "\ufeff{}"],
    ["NaN", '{"a":NaN}'],
    ["two values", "{}{}"],
  ])("of %s is bad_json", async (_what, body) => {
    expect(await refusal(post(body))).toBe("400 bad_json");
  });

  test("of bytes that are no UTF-8 is bad_json", async () => {
    const bytes = new Uint8Array([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]);
    expect(await refusal(post(bytes))).toBe("400 bad_json");
  });

  test.each([
    ["NUL", '{"a":"x\\u0000y"}'],
    ["NUL in a key", '{"a\\u0000":1}'],
    ["a lone surrogate", '{"a":"\\ud800"}'],
    ["a lone surrogate in a deep key", '{"a":[{"\\udc00":1}]}'],
    ["a number out of range", '{"a":1e400}'],
    ["__proto__", '{"__proto__":{"admin":true}}'],
    ["__proto__ deep down", '{"data":{"x":[{"__proto__":1}]}}'],
    ["17 levels", `${'{"a":'.repeat(17)}1${"}".repeat(17)}`],
    ["a thousand levels", `{"a":${"[".repeat(1000)}${"]".repeat(1000)}}`],
  ])("with %s is validation_failed", async (_what, body) => {
    expect(await refusal(post(body))).toBe("400 validation_failed");
  });

  test("of up to 64 KiB is read, one byte more is not, announced or not", async () => {
    const fill = (n: number) => `{"a":"${"x".repeat(n - 8)}"}`;
    expect(Object.keys(await readJson(post(fill(BODY_BYTES_MAX))))).toEqual(["a"]);
    expect(await refusal(post(fill(BODY_BYTES_MAX + 1)))).toBe("413 payload_too_large");
    const stream = new Blob([fill(BODY_BYTES_MAX + 1)]).stream();
    expect(await refusal(post(stream))).toBe("413 payload_too_large");
  });

  test.each([
    null,
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "text/plain; application/json",
  ])("as %p is an unsupported media type", async (type) => {
    expect(await refusal(post(new TextEncoder().encode("{}"), type))).toBe(
      "415 unsupported_media_type",
    );
  });

  test("may be absent where it is optional", async () => {
    const bare = new Request("http://localhost/", { method: "DELETE" });
    expect(await readOptionalJson(bare)).toEqual({});
    expect(await readOptionalJson(post('{"a":true}'))).toEqual({ a: true });
    // One that asks for less than all is not passed over for want of a type.
    const body = new TextEncoder().encode('{"dry_run":true}');
    const untyped = new Request("http://localhost/", { method: "POST", body });
    expect(untyped.headers.get("content-type")).toBeNull();
    expect(await readOptionalJson(untyped)).toEqual({ dry_run: true });
  });

  test("that is any JSON object of sane depth comes back as it was", async () => {
    const value = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 4 }));
    await fc.assert(
      fc.asyncProperty(value, async (object) => {
        const text = JSON.stringify(object);
        if (/\\u0000|__proto__|\\ud[89a-f]/.test(text)) return;
        expect(await readJson(post(text))).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe("a member", () => {
  const refused = (read: () => unknown) => expect(read).toThrow("must be");

  test("has the type that was asked for, or none", () => {
    expect([textOf({ a: "x" }, "a"), textOf({}, "a"), textOf({ a: null }, "a")]).toEqual([
      "x",
      "",
      "",
    ]);
    expect([flagOf({ a: true }, "a"), flagOf({}, "a")]).toEqual([true, false]);
    expect([objectOf({ a: { b: 1 } }, "a"), objectOf({}, "a")]).toEqual([{ b: 1 }, null]);
    for (const wrong of [1, true, [], {}]) refused(() => textOf({ a: wrong }, "a"));
    for (const wrong of [1, "true", [], {}]) refused(() => flagOf({ a: wrong }, "a"));
    for (const wrong of [1, "x", true, []]) refused(() => objectOf({ a: wrong }, "a"));
  });
});
