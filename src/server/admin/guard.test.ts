import { describe, expect, test } from "bun:test";
import { attachContext, type RequestContext } from "../../core/context.ts";
import { ReactorError } from "../../core/errors.ts";
import { createAdminGuard } from "./guard.ts";

const TOKEN = "radm_0123456789abcdef";
const BEARER = { authorization: `Bearer ${TOKEN}` };
const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

interface Asked {
  readonly headers?: Record<string, string>;
  readonly peer?: string;
  readonly secure?: boolean;
  readonly allowRemote?: boolean;
}

function ask(method: "check" | "checkReader", asked: Asked): string {
  const { headers = {}, peer = "127.0.0.1", secure = false, allowRemote = false } = asked;
  const request = new Request("http://localhost/_admin/status", { headers });
  attachContext(request, { peer, secure } as RequestContext);
  try {
    createAdminGuard({ token: TOKEN, allowRemote })[method](request);
  } catch (error) {
    if (error instanceof ReactorError) return error.code;
    throw error;
  }
  return "passed";
}
const check = (asked: Asked) => ask("check", asked);

describe("who may administer", () => {
  test.each(["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])(
    "the holder of the token at %s",
    (peer) => {
      expect(check({ headers: BEARER, peer })).toBe("passed");
    },
  );

  test.each([
    undefined,
    "",
    "Bearer",
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Basic ${TOKEN}`,
    TOKEN,
  ])("nobody with Authorization %p", (authorization) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    expect(check({ headers })).toBe("admin_token_required");
  });

  test.each(["192.0.2.1", "10.0.0.1", "2001:db8::1", "unix", "127.0.0.1.example", "1127.0.0.1"])(
    "nobody at %s, token or not",
    (peer) => {
      expect(check({ headers: BEARER, peer })).toBe("admin_not_local");
      expect(check({ headers: BEARER, peer, secure: true })).toBe("admin_not_local");
    },
  );

  test.each(FORWARDED)("nobody behind a proxy that writes %s", (name) => {
    expect(check({ headers: { ...BEARER, [name]: "127.0.0.1" } })).toBe("admin_not_local");
  });

  test("with allow_remote the holder of the token anywhere, over TLS only", () => {
    const remote = { peer: "192.0.2.1", allowRemote: true };
    expect(check({ ...remote, headers: BEARER, secure: true })).toBe("passed");
    expect(check({ ...remote, headers: BEARER })).toBe("admin_not_local");
    expect(check({ ...remote, secure: true })).toBe("admin_token_required");
  });

  test.each([
    ["an origin", { origin: "http://localhost:7890" }],
    ["the origin null", { origin: "null" }],
    ["a cross-site fetch", { "sec-fetch-site": "cross-site" }],
    ["a same-origin fetch", { "sec-fetch-site": "same-origin" }],
  ])("no page of a browser, known by %s", (_, headers) => {
    expect(check({ headers: { ...BEARER, ...headers } })).toBe("admin_browser_refused");
  });
});

describe("who may read metrics", () => {
  test("whoever is on this machine, and who holds the token elsewhere", () => {
    expect(ask("checkReader", {})).toBe("passed");
    expect(ask("checkReader", { peer: "192.0.2.1", headers: BEARER })).toBe("passed");
  });

  test("nobody else: elsewhere, behind a proxy, in a browser", () => {
    expect(ask("checkReader", { peer: "192.0.2.1" })).toBe("forbidden");
    expect(ask("checkReader", { headers: { "x-forwarded-for": "127.0.0.1" } })).toBe("forbidden");
    expect(ask("checkReader", { headers: { origin: "https://a.test" } })).toBe("forbidden");
  });
});
