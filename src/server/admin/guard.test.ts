import { describe, expect, test } from "bun:test";
import { attachContext, type RequestContext } from "../../core/context.ts";
import { ReactorError } from "../../core/errors.ts";
import { createAdminGuard } from "./guard.ts";

const TOKEN = "rct_admin_right";

interface Caller {
  readonly peer?: string;
  readonly secure?: boolean;
  readonly headers?: Record<string, string>;
}

function requestOf({ peer = "127.0.0.1", secure = false, headers: sent = {} }: Caller): Request {
  const headers = { host: "127.0.0.1:7890", ...sent };
  const request = new Request("http://a.test/_admin/status", { headers });
  attachContext(request, { peer, secure } as RequestContext);
  return request;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ReactorError) return error.code;
    throw error;
  }
  return "passed";
}

const guardOf = (allowRemote: boolean) => createAdminGuard({ token: TOKEN, allowRemote });

/** Where a request comes from, and whether that is this machine, allowed from afar, or a page. */
const CALLERS: readonly (readonly [string, Caller, "local" | "tls" | "never" | "browser"])[] = [
  ["loopback", {}, "local"],
  ["another loopback address", { peer: "127.8.8.8" }, "local"],
  ["IPv6 loopback", { peer: "::1" }, "local"],
  ["IPv4 loopback in IPv6", { peer: "::ffff:127.0.0.1" }, "local"],
  ["loopback over TLS", { secure: true }, "local"],
  ["a proxy on loopback (Forwarded)", { headers: { forwarded: "for=1.2.3.4" } }, "never"],
  [
    "a proxy on loopback (X-Forwarded-For)",
    { headers: { "x-forwarded-for": "127.0.0.1" } },
    "never",
  ],
  ["a proxy on loopback (empty X-Forwarded-For)", { headers: { "x-forwarded-for": "" } }, "never"],
  ["a proxy on loopback (X-Forwarded-Host)", { headers: { "x-forwarded-host": "a" } }, "never"],
  ["a proxy on loopback (X-Real-IP)", { headers: { "x-real-ip": "127.0.0.1" } }, "never"],
  ["a proxy on loopback (Via)", { headers: { via: "1.1 p" } }, "never"],
  ["another machine", { peer: "192.0.2.7" }, "never"],
  ["another machine that looks alike", { peer: "127.0.0.1.evil.test" }, "never"],
  ["another machine whose address ends alike", { peer: "1127.0.0.1" }, "never"],
  ["another machine over IPv6", { peer: "2001:db8::1" }, "never"],
  ["another machine over TLS", { peer: "192.0.2.7", secure: true }, "tls"],
  ["our own children's socket", { peer: "unix" }, "never"],
  ["somebody who has gone", { peer: "unknown" }, "never"],
  ["a page", { headers: { origin: "http://127.0.0.1:7890" } }, "browser"],
  ["a page without an origin of its own", { headers: { origin: "null" } }, "browser"],
  ["a page of this site", { headers: { "sec-fetch-site": "same-origin" } }, "browser"],
  ["a page elsewhere", { headers: { "sec-fetch-site": "cross-site" } }, "browser"],
];

const TOKENS: readonly (readonly [string, string | null, boolean])[] = [
  ["no token", null, false],
  ["the right token", `Bearer ${TOKEN}`, true],
  ["the right token, another case of the scheme", `bearer ${TOKEN}`, true],
  ["a wrong token", "Bearer rct_admin_wrong", false],
  ["the beginning of the token", `Bearer ${TOKEN.slice(0, -1)}`, false],
  ["the token in capitals", `Bearer ${TOKEN.toUpperCase()}`, false],
  ["the token and more", `Bearer ${TOKEN}x`, false],
  ["the token as another scheme", `Basic ${TOKEN}`, false],
  ["an empty token", "Bearer ", false],
  ["the token without a scheme", TOKEN, false],
];

function expected(where: string, isRight: boolean, allowRemote: boolean): string {
  if (where === "browser") return "admin_browser_refused";
  if (where === "never" || (where === "tls" && !allowRemote)) return "admin_not_local";
  return isRight ? "passed" : "admin_token_required";
}

describe.each([false, true])("allow_remote = %s", (allowRemote) => {
  const guard = guardOf(allowRemote);
  for (const [who, caller, where] of CALLERS) {
    for (const [what, authorization, isRight] of TOKENS) {
      test(`${who} with ${what}`, () => {
        const headers = { ...caller.headers, ...(authorization === null ? {} : { authorization }) };
        expect(codeOf(() => guard.check(requestOf({ ...caller, headers })))).toBe(
          expected(where, isRight, allowRemote),
        );
      });
    }
  }
});

describe("metrics", () => {
  const read = (caller: Caller, token = false) =>
    codeOf(() =>
      guardOf(false).checkReader(
        requestOf({
          ...caller,
          headers: { ...caller.headers, ...(token ? { authorization: `Bearer ${TOKEN}` } : {}) },
        }),
      ),
    );

  test("are read on this machine without a token", () => {
    expect(read({})).toBe("passed");
    expect(read({ peer: "::1" })).toBe("passed");
    for (const host of [
      "localhost",
      "LOCALHOST:7890",
      "api.localhost",
      "127.0.0.2:80",
      "[::1]:1",
    ]) {
      expect(read({ headers: { host } })).toBe("passed");
    }
  });

  test.each([
    ["another machine", { peer: "192.0.2.7" }],
    ["a proxy", { headers: { "x-forwarded-for": "192.0.2.7" } }],
    ["a page", { headers: { origin: "http://127.0.0.1:7890" } }],
    ["a page whose name was rebound", { headers: { host: "evil.test:7890" } }],
    ["a name that looks like loopback", { headers: { host: "127.0.0.1.evil.test" } }],
    ["a name that ends like loopback", { headers: { host: "evil-localhost" } }],
  ] as [string, Caller][])("are read by %s with the token only", (_who, caller) => {
    expect(read(caller)).toBe("forbidden");
    expect(read(caller, true)).toBe("passed");
  });

  test("are not for our own children, whatever token they have come by", () => {
    expect(read({ peer: "unix" })).toBe("forbidden");
    expect(read({ peer: "unix" }, true)).toBe("forbidden");
  });
});

test("tokens are compared in constant time", async () => {
  // Time itself cannot be asserted: what is asserted is that nothing else compares them.
  const source = await Bun.file(`${import.meta.dir}/guard.ts`).text();
  expect(source).toContain("timingSafeEqual(digest(sent), digest(token))");
  expect(source.match(/options\.token/g)).toHaveLength(1);
});
