import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ReactorError } from "../../core/errors.ts";
import { checkHead, checkPath, TARGET_BYTES_MAX, targetOf } from "./guard.ts";

const BASE = "http://api.example.test";

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ReactorError) return `${error.status} ${error.code}`;
    throw error;
  }
  return "passed";
}

const head = (headers: Record<string, string>, method = "GET") =>
  codeOf(() => checkHead(new Request(`${BASE}/`, { method, headers })));

describe("the Host header", () => {
  test.each([
    "localhost",
    "localhost:7890",
    "127.0.0.1",
    "api.example.test:443",
    "[::1]:7890",
    "my_host",
    "_service.example.test",
  ])("%s passes as it is", (host) => {
    expect(checkHead(new Request(BASE, { headers: { host } }))).toBe(host);
  });

  test.each([
    ["none", {}],
    ["an empty one", { host: "" }],
    ["two, as Bun joins them", { host: "a.test, b.test" }],
    ["one with a path", { host: "a.test/x" }],
    ["one with user info", { host: "user@a.test" }],
    ["one with a space", { host: "a test" }],
    ["one with a port that is no number", { host: "a.test:http" }],
    ["one with a long port", { host: "a.test:123456" }],
    ["one with a port that does not exist", { host: "a.test:65536" }],
    ["an IPv4 address that is none", { host: "256.0.0.1" }],
    ["an IPv6 address that is none", { host: "[1:2]" }],
    ["one that begins with a dot", { host: ".test" }],
    ["an open bracket", { host: "[::1" }],
    ["a bracketed name", { host: "[a.test]" }],
    ["one of 300 characters", { host: "a".repeat(300) }],
    ["one beyond ASCII", { host: "caf\u00e9.test" }],
  ] as [string, Record<string, string>][])("%s is refused", (_what, headers) => {
    expect(head(headers)).toBe("400 invalid_host");
  });
});

describe("the method", () => {
  test.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("%s passes", (method) => {
    expect(head({ host: "a.test" }, method)).toBe("passed");
  });

  // `new Request` refuses these names, the network does not.
  test.each(["TRACE", "CONNECT", "TRACK", "PROPFIND", "QUERY", "get"])(
    "%s is refused",
    (method) => {
      const request = { method, headers: new Headers({ host: "a.test" }) } as Request;
      expect(codeOf(() => checkHead(request))).toBe("501 method_not_implemented");
    },
  );
});

describe("the Expect header", () => {
  test.each(["100-continue", "100-Continue"])("%s passes", (expectation) => {
    expect(head({ host: "a.test", expect: expectation })).toBe("passed");
  });

  test.each(["junk", "", "100-continue, junk"])("'%s' is refused", (expectation) => {
    expect(head({ host: "a.test", expect: expectation })).toBe("417 expectation_failed");
  });
});

describe("the target", () => {
  test("path and query come apart raw", () => {
    expect(targetOf(`${BASE}/data/v1/a%20b?select=%2A&x=?y`)).toEqual({
      path: "/data/v1/a%20b",
      query: "?select=%2A&x=?y",
    });
    expect(targetOf(BASE)).toEqual({ path: "/", query: "" });
    expect(targetOf(`${BASE}/`)).toEqual({ path: "/", query: "" });
    expect(targetOf(`${BASE}/a?`)).toEqual({ path: "/a", query: "?" });
  });

  test("one of 16 KiB passes and one byte more does not", () => {
    const long = (bytes: number) => `${BASE}/a?${"x".repeat(bytes - 3)}`;
    expect(codeOf(() => targetOf(long(TARGET_BYTES_MAX)))).toBe("passed");
    expect(codeOf(() => targetOf(long(TARGET_BYTES_MAX + 1)))).toBe("414 uri_too_long");
  });

  test.each(["/a#b", "/a?x#y", "/#"])("%s is refused for its fragment", (target) => {
    expect(codeOf(() => targetOf(BASE + target))).toBe("400 invalid_path");
  });
});

describe("the path", () => {
  test.each([
    "/",
    "/a",
    "/a/",
    "/.well-known/jwks.json",
    "/a.b/c..d/...",
    "/a%20b",
    "/%C3%BC",
    "/@x/~y/(z)",
    "/a;b=c,d",
    "/a|b",
  ])("%s passes", (path) => {
    expect(codeOf(() => checkPath(path))).toBe("passed");
  });

  test.each([
    "/a/./b",
    "/a/../b",
    "/..",
    "/.",
    "/a/%2e",
    "/a/%2E%2e/b",
    "/a/.%2e",
    "/a//b",
    "//a",
    "/a/\\b",
    "/a%2fb",
    "/a%2Fb",
    "/a%5cb",
    "/a%00b",
    "/a%0d%0ab",
    "/a%7f",
    "/a%1b",
    "/a%zz",
    "/a%",
    "/a%f",
    "/%c0%ae",
    "/%ff",
    "/%ed%a0%80",
    "/a b",
    "/caf\u00e9",
    '/a"b',
    "/<a>",
    "/{a}",
    "/a`b",
    "/a^b",
  ])("%s is refused", (path) => {
    expect(codeOf(() => checkPath(path))).toBe("400 invalid_path");
  });

  test("what passes means the same to every reader of URLs", () => {
    const piece = fc.oneof(
      fc.constantFrom("/", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", "//", "%", "%00", "#", "?"),
      fc.constantFrom(
        "a",
        "_admin",
        "%41",
        "%C3%BC",
        "%c0",
        "\u00fc",
        " ",
        "\t",
        ";",
        ":",
        "@",
        "|",
      ),
      fc.string({ maxLength: 4 }),
      fc.string({ unit: "binary", maxLength: 2 }),
    );
    const path = fc.array(piece, { maxLength: 8 }).map((parts) => `/${parts.join("")}`);
    let passed = 0;
    fc.assert(
      fc.property(path, (text) => {
        let target: { path: string; query: string };
        try {
          target = targetOf(BASE + text);
        } catch (error) {
          expect(error).toBeInstanceOf(ReactorError);
          return;
        }
        passed += 1;
        const seen = new URL(BASE + text);
        expect(seen.pathname).toBe(target.path);
        expect(seen.host).toBe("api.example.test");
        expect(seen.hash).toBe("");
        const decoded = target.path.split("/").map(decodeURIComponent);
        expect(decoded.some((part) => part === "." || part === ".." || /[/\\]/.test(part))).toBe(
          false,
        );
      }),
      { numRuns: 5_000 },
    );
    expect(passed).toBeGreaterThan(200);
  });
});

test("names of channels may hold a slash, and nothing else that others may not", () => {
  const path = (name: string) => codeOf(() => checkPath(`/realtime/v1/api/broadcast/${name}`));
  expect(path("a%2Fb%5Cc/events/x%2Fy")).toBe("passed");
  for (const name of ["%2e%2e/events/x", "a%0Ab/events/x", "a%ff/events/x", "a//b"]) {
    expect(path(name)).toBe("400 invalid_path");
  }
  expect(codeOf(() => checkPath("/realtime/v1/api/broadcast%2Fa"))).toBe("400 invalid_path");
  expect(codeOf(() => checkPath("/data/v1/a%2Fb"))).toBe("400 invalid_path");
});
