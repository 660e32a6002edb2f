import { describe, expect, test } from "bun:test";
import type { Principal } from "../../core/ports/auth.ts";
import { answerOwner } from "./answer-owner.ts";

const nobody: Principal = { role: "anon", userId: null, claims: "{}", expiresAt: 0 };
const alice: Principal = { ...nobody, role: "authenticated", userId: "01" };
const service: Principal = { ...nobody, role: "service_role" };

const owner = (principal: Principal, headers: Record<string, string>) =>
  answerOwner(principal, new Headers(headers));

describe("the answer kept for an Idempotency-Key", () => {
  test.each([
    ["authorization", "Token right", "Token wrong"],
    ["cookie", "s=1", "s=2"],
    ["x-api-key", "right", "wrong"],
    ["x-hub-signature-256", "sha256=aa", "sha256=bb"],
  ])("is not shared by callers whom only the function knows, by their %s", (name, one, two) => {
    expect(owner(nobody, { [name]: one })).not.toBe(owner(nobody, { [name]: two }));
    expect(owner(nobody, { [name]: one })).not.toBe(owner(nobody, {}));
  });

  test("is the same caller's again, however the request came the second time", () => {
    const first = { "x-api-key": "k", "content-type": "a/b", "user-agent": "a/1", date: "now" };
    const again = { ...first, "user-agent": "a/2", "x-request-id": "r", traceparent: "t" };
    expect(owner(nobody, again)).toBe(owner(nobody, first));
  });

  test("is not shared by two keys of one person, nor by two of their organisations", () => {
    const key = { ...alice, keyId: "k1" };
    const org = (name: string) => ({ "x-reactor-org": name });
    const all = [
      owner(alice, {}),
      owner(key, {}),
      owner({ ...key, keyId: "k2" }, {}),
      owner(alice, org("acme")),
      owner(alice, org("other")),
      owner(key, org("acme")),
      owner({ ...service, keyId: "k1" }, {}),
      owner(service, {}),
      // A key of an organisation is nobody's, and still itself.
      owner({ ...nobody, role: "authenticated", keyId: "k3" }, { cookie: "a" }),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(owner(key, { cookie: "a" })).toBe(owner(key, { cookie: "b" }));
  });

  test("belongs to the person or the project, whatever token proves them this time", () => {
    expect(owner(alice, { authorization: "Bearer a" })).toBe(owner(alice, { cookie: "b" }));
    expect(owner(service, { authorization: "Bearer a" })).toBe(owner(service, { apikey: "b" }));
    expect(owner(alice, {})).not.toBe(owner(service, {}));
  });
});
