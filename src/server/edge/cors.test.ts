import { describe, expect, test } from "bun:test";
import { type Cors, type CorsConfig, createCors } from "./cors.ts";

const APP = "https://app.example.test";
const OTHER = "https://other.example.test";

const cors = (config: Partial<CorsConfig> = {}) =>
  createCors({
    origins: ["*"],
    allow_credentials: false,
    max_age_s: 600,
    expose_headers: [],
    ...config,
  });

const preflight = (rules: Cors, origin: string, path = "/data/v1/a", more = {}) =>
  rules.preflight(
    new Request("http://a.test/", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "PATCH", ...more },
    }),
    path,
  );

function applied(rules: Cors, origin: string | null, path = "/data/v1/a") {
  const headers = new Headers();
  rules.apply(
    new Request("http://a.test/", { headers: origin === null ? {} : { origin } }),
    path,
    headers,
  );
  return headers;
}

describe("with any origin allowed", () => {
  test("a preflight is answered with the methods, the headers asked for and how long that holds", () => {
    const answer = preflight(cors(), APP, "/data/v1/a", {
      "access-control-request-headers": "authorization, x-mine",
    });
    expect(answer?.status).toBe(204);
    expect(Object.fromEntries(answer?.headers ?? [])).toEqual({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers": "authorization, x-mine",
      "access-control-max-age": "600",
      vary: "Origin",
    });
  });

  test("an answer may be read by anybody and cached for all", () => {
    const headers = applied(cors(), APP);
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.get("access-control-allow-credentials")).toBeNull();
    expect(headers.get("vary")).toBeNull();
  });

  test("an answer to no browser says nothing", () => {
    expect([...applied(cors(), null)]).toEqual([]);
  });

  test("header names that are none are not repeated", () => {
    const wanted = "x-mine; drop table";
    const answer = preflight(cors(), APP, "/a", { "access-control-request-headers": wanted });
    expect(answer?.headers.get("access-control-allow-headers")).toBeNull();
  });
});

describe("with named origins", () => {
  const rules = cors({ origins: [APP] });

  test("the named one is told by name", () => {
    expect(preflight(rules, APP)?.headers.get("access-control-allow-origin")).toBe(APP);
    expect(applied(rules, APP).get("access-control-allow-origin")).toBe(APP);
  });

  test.each([OTHER, `${APP}:8443`, `${APP}.evil.test`, "http://app.example.test", "null"])(
    "%s is not allowed",
    (origin) => {
      const answer = preflight(rules, origin);
      expect(answer?.status).toBe(403);
      expect(answer?.headers.get("access-control-allow-origin")).toBeNull();
      expect(applied(rules, origin).get("access-control-allow-origin")).toBeNull();
    },
  );

  test("caches learn that answers differ by origin, even from one without", () => {
    for (const origin of [APP, OTHER, null])
      expect(applied(rules, origin).get("vary")).toBe("Origin");
  });

  test("an answer's own Vary stays", () => {
    const headers = new Headers({ Vary: "Accept" });
    rules.apply(new Request("http://a.test/"), "/a", headers);
    expect(headers.get("vary")).toBe("Accept, Origin");
  });
});

describe("with credentials", () => {
  test("a named origin may send cookies", () => {
    const rules = cors({ origins: [APP], allow_credentials: true });
    expect(applied(rules, APP).get("access-control-allow-credentials")).toBe("true");
    expect(preflight(rules, APP)?.headers.get("access-control-allow-credentials")).toBe("true");
  });

  test("the wildcard allows nobody", () => {
    const rules = cors({ origins: ["*", APP], allow_credentials: true });
    for (const origin of [OTHER, "*", "null"]) {
      expect(preflight(rules, origin)?.status).toBe(403);
      expect(applied(rules, origin).get("access-control-allow-origin")).toBeNull();
      expect(applied(rules, origin).get("access-control-allow-credentials")).toBeNull();
    }
    expect(applied(rules, APP).get("access-control-allow-origin")).toBe(APP);
  });
});

describe("the admin API", () => {
  const open = cors({ origins: ["*", APP] });

  test.each(["/_admin", "/_admin/", "/_admin/deploy"])("%s is open to no page", (path) => {
    expect(preflight(open, APP, path)?.status).toBe(403);
    expect([...applied(open, APP, path)]).toEqual([]);
  });

  test("a path that only begins alike is not the admin API", () => {
    expect(preflight(open, APP, "/_administration")?.status).toBe(204);
  });
});

test("what is no preflight is not answered as one", () => {
  const ask = (method: string, headers: Record<string, string>) =>
    cors().preflight(new Request("http://a.test/", { method, headers }), "/a");
  expect(ask("OPTIONS", {})).toBeNull();
  expect(ask("OPTIONS", { origin: APP })).toBeNull();
  expect(ask("GET", { origin: APP, "access-control-request-method": "GET" })).toBeNull();
});

test("the configured headers may be read beside Reactor's own", () => {
  const exposed = applied(cors({ expose_headers: ["X-Mine"] }), APP).get(
    "access-control-expose-headers",
  );
  expect(exposed).toStartWith("X-Request-Id, Content-Range, ");
  expect(exposed).toEndWith(", X-Mine");
});
