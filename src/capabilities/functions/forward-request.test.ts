import { describe, expect, test } from "bun:test";
import type { RequestContext } from "../../core/context.ts";
import type { Principal } from "../../core/ports/auth.ts";
import { authHeader, forwardRequest } from "./forward-request.ts";
import type { ActiveFunction } from "./function-version.ts";

const ctx = {
  id: "request-id-1",
  address: "203.0.113.9",
  origin: "https://api.example.com",
} as RequestContext;
const alice: Principal = {
  role: "authenticated",
  userId: "0193e0c0-0000-7000-8000-000000000001",
  claims: '{"role":"authenticated","name":"Zoë"}',
  expiresAt: 0,
};

function forward(headers: Record<string, string>, settings: Partial<ActiveFunction> = {}) {
  const request = new Request("http://localhost/fn/v1/hello/a%20b?x=1&x=2", {
    method: "POST",
    headers,
    body: "in",
  });
  const found = { forwardAuthorization: false, ...settings } as ActiveFunction;
  return forwardRequest(request, ctx, found, alice, "/a%20b");
}

describe("the request as a function sees it", () => {
  test("has the path below the function, the query and the body", async () => {
    const seen = forward({});
    expect(seen.url).toBe("https://api.example.com/a%20b?x=1&x=2");
    expect(seen.method).toBe("POST");
    expect(new TextDecoder().decode(await seen.bytes())).toBe("in");
  });

  test("carries no credential unless the function asks for them", () => {
    const sent = { authorization: "Bearer t", apikey: "k", cookie: "s=1" };
    const names = ["authorization", "apikey", "cookie"];
    const closed = forward(sent);
    expect(names.map((name) => closed.headers[name])).toEqual([undefined, undefined, undefined]);
    const open = forward(sent, { forwardAuthorization: true });
    expect(names.map((name) => open.headers[name])).toEqual(["Bearer t", "k", "s=1"]);
  });

  test("names only what the server vouches for, whatever the caller sent", () => {
    const { headers } = forward({
      "X-Reactor-Auth": '{"role":"service_role"}',
      "x-reactor-call": "{}",
      "X-Forwarded-For": "127.0.0.1",
      "x-forwarded-prefix": "/evil",
      forwarded: "for=127.0.0.1",
      "x-real-ip": "127.0.0.1",
      "x-request-id": "other",
      "x-own": "kept",
    });
    expect(headers).toMatchObject({
      "x-forwarded-for": "203.0.113.9",
      "x-forwarded-host": "api.example.com",
      "x-forwarded-proto": "https",
      "x-request-id": "request-id-1",
      "x-own": "kept",
    });
    expect(headers["x-reactor-auth"]).toStartWith('{"role":"authenticated"');
    for (const name of ["x-reactor-call", "x-forwarded-prefix", "forwarded", "x-real-ip"]) {
      expect(headers[name]).toBeUndefined();
    }
  });

  test("headers of the connection stay on it", () => {
    const { headers } = forward({ connection: "close, X-Hop", "x-hop": "1", te: "trailers" });
    expect(["connection", "x-hop", "te"].filter((name) => headers[name])).toEqual([]);
  });

  test("who is calling survives as ASCII", () => {
    const header = authHeader(alice);
    expect(header).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(header)).toEqual({
      role: "authenticated",
      user_id: alice.userId,
      claims: { role: "authenticated", name: "Zoë" },
    });
  });
});
