import { describe, expect, test } from "bun:test";
import { DEFAULT_TENANT } from "../../core/tenant.ts";
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
    DEFAULT_TENANT,
  );

function applied(rules: Cors, origin: string | null, path = "/data/v1/a") {
  const headers = new Headers();
  rules.apply(
    new Request("http://a.test/", { headers: origin === null ? {} : { origin } }),
    path,
    headers,
    DEFAULT_TENANT,
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
    rules.apply(new Request("http://a.test/"), "/a", headers, DEFAULT_TENANT);
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

  test.each(["/_admin", "/_admin/", "/_admin/deploy", "/auth/ui/account"])(
    "%s is open to no page",
    (path) => {
      expect(preflight(open, APP, path)?.status).toBe(403);
      expect([...applied(open, APP, path)]).toEqual([]);
    },
  );

  test("a path that only begins alike is not the admin API", () => {
    expect(preflight(open, APP, "/_administration")?.status).toBe(204);
  });
});

test("what is no preflight is not answered as one", () => {
  const ask = (method: string, headers: Record<string, string>) =>
    cors().preflight(new Request("http://a.test/", { method, headers }), "/a", null);
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

describe("a capability with rules of its own", () => {
  const rules = (origins: readonly string[] | null) =>
    createCors({ origins: [OTHER], allow_credentials: false, max_age_s: 600, expose_headers: [] }, [
      {
        path: "/data/v1",
        origins: () => origins,
        methods: ["GET", "POST"],
        requestHeaders: { first: ["Authorization"], last: ["Accept"] },
        exposed: ["Content-Location", "Content-Range"],
        preflightStatus: 200,
      },
    ]);

  test("says so below its path, and nowhere else", () => {
    const wanted = { "access-control-request-headers": "Foo,authorization, Bar" };
    const answer = preflight(rules([APP]), APP, "/data/v1/a", wanted);
    expect(answer?.status).toBe(200);
    expect(Object.fromEntries(answer?.headers ?? [])).toEqual({
      "access-control-allow-origin": APP,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": "Authorization, Foo, Bar, Accept",
      "access-control-max-age": "600",
      vary: "Origin",
    });
    expect(preflight(rules([APP]), APP, "/data/v10/a")?.status).toBe(403);
    expect(preflight(rules([APP]), OTHER)?.status).toBe(403);
    expect(preflight(rules([APP]), OTHER, "/fn/v1/a")?.status).toBe(204);
  });

  test("exposes its headers first, each once", () => {
    const exposed = applied(rules([APP]), APP).get("access-control-expose-headers");
    expect(exposed).toStartWith("Content-Location, Content-Range, X-Request-Id, Location,");
    expect(applied(rules([APP]), OTHER).get("access-control-allow-origin")).toBeNull();
  });

  test("takes any origin when it names none, and the common ones when it says nothing", () => {
    const anybody = applied(rules([]), APP);
    expect(anybody.get("access-control-allow-origin")).toBe("*");
    expect(anybody.get("access-control-allow-credentials")).toBeNull();
    expect(applied(rules(null), OTHER).get("access-control-allow-origin")).toBe(OTHER);
    expect(applied(rules(null), APP).get("access-control-allow-origin")).toBeNull();
  });
});
