/** The edge over real sockets: what no client library would send, and what every answer carries. */
import { afterAll, describe, expect, test } from "bun:test";
import { listenTcp } from "../../src/server/listeners.ts";
import { openEdge, SECRET_CAUSE } from "./edge-bench.ts";
import { requestText, sendRaw } from "./raw-http.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const bench = openEdge({
  gates: {
    "/guarded": () => {
      throw new Error("the gate failed");
    },
  },
  trustedProxies: ["127.0.0.1"],
});
const listener = listenTcp({
  edge: bench.edge,
  host: "127.0.0.1",
  port: 0,
  idleTimeoutS: 10,
  bodyBytesMax: 1_000,
});
const port = Number(new URL(listener.url).port);
afterAll(() => listener.close());

const raw = (target: string, options: Parameters<typeof requestText>[1] = {}) =>
  sendRaw({ port }, requestText(target, options));
const get = (path: string, init: RequestInit = {}) => fetch(listener.url + path, init);
const lastAccess = () => bench.access().at(-1);

describe("heads that no client library sends", () => {
  test.each([
    ["no Host", [], 400],
    ["two Hosts", ["Host: a.test", "Host: b.test"], 400],
    ["a Host with a path", ["Host: a.test/x"], 400],
    ["a Host with a comma", ["Host: a.test,b.test"], 400],
    ["an Expect that means nothing", ["Host: a.test", "Expect: junk"], 417],
    ["both lengths", ["Host: a.test", "Content-Length: 3", "Transfer-Encoding: chunked"], 400],
    ["two lengths", ["Host: a.test", "Content-Length: 3", "Content-Length: 4"], 400],
  ] as [string, string[], number][])("%s is refused", async (_what, headers, status) => {
    expect((await raw("/hello", { headers })).status).toBe(status);
  });

  test("HTTP/1.0 without a Host is refused", async () => {
    expect((await sendRaw({ port }, "GET /hello HTTP/1.0\r\n\r\n")).status).toBe(400);
  });

  test.each(["TRACE", "CONNECT", "PROPFIND", "QUERY"])("%s is not implemented", async (method) => {
    const answer = await raw("/hello", { method });
    expect(answer.status).toBe(501);
    expect(JSON.parse(answer.body).code).toBe("method_not_implemented");
    expect(answer.headers["x-request-id"]).toMatch(UUID_V7);
  });

  test.each(["FOO", "get"])("the method %s reaches nothing", async (method) => {
    expect((await raw("/hello", { method })).status).not.toBe(200);
  });

  test("a refusal has the body and the headers of any error", async () => {
    const { status, headers, body } = await raw("/hello", { headers: ["Host: a.test, b.test"] });
    expect(status).toBe(400);
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(body)).toEqual({
      code: "invalid_host",
      message: "The request must carry exactly one valid Host header",
      details: null,
      hint: null,
    });
    expect(lastAccess()?.fields).toMatchObject({ path: "/hello", status: 400, route: "unmatched" });
  });
});

describe("targets that no client library sends", () => {
  test.each([
    "/hello#x",
    "/hello?x#y",
    "/things/a%2fb",
    "/things/%2e%2e%2fhello",
    "/things//hello",
    "//hello",
    "/things/%00",
    "/things/%zz",
    "*",
    "hello",
  ])("%s is refused", async (target) => {
    expect((await raw(target)).status).toBe(400);
  });

  test.each([
    "/x/../guarded/y",
    "/x/%2e%2e/guarded",
    "/./guarded",
    "/x\\..\\guarded",
    "/guarded/.",
  ])("%s does not slip past the gate before it", async (target) => {
    const { status, body } = await raw(target);
    expect([400, 500]).toContain(status);
    expect(body).not.toContain("not_found");
  });

  test.each(["/%67uarded", "/Guarded", "/guarded%20", "/guardedx"])(
    "%s is another path than the guarded one, for the gate and for the routes",
    async (target) => {
      expect((await raw(target)).status).toBe(404);
    },
  );

  test("an absolute target does not choose the host", async () => {
    const { status, body } = await raw("http://evil.test/things/1");
    expect(status).toBe(200);
    expect(JSON.parse(body).origin).toBe("http://a.test");
  });

  test("one of over 16 KiB reaches no route", async () => {
    const { status } = await raw(`/hello?${"x".repeat(17_000)}`);
    expect([414, 431]).toContain(status);
    expect((await raw(`/hello?${"x".repeat(15_000)}`)).status).toBe(200);
  });
});

describe("the request id", () => {
  test.each(["abcdefgh", "018f3c1e-7a7b-7c3d-9e8f-000000000001", "trace:1.2_3-4", "x".repeat(128)])(
    "%s of a client is kept",
    async (id) => {
      const answer = await get("/hello", { headers: { "x-request-id": id } });
      expect(answer.headers.get("x-request-id")).toBe(id);
      expect(lastAccess()?.fields["request_id"]).toBe(id);
    },
  );

  test.each(["short", "x".repeat(129), "has space!", 'quote"quote', "semi;colon"])(
    "%s is replaced",
    async (id) => {
      const answer = await get("/hello", { headers: { "x-request-id": id } });
      expect(answer.headers.get("x-request-id")).toMatch(UUID_V7);
    },
  );

  test("no two requests share one", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => get("/hello")));
    expect(new Set(answers.map((a) => a.headers.get("x-request-id"))).size).toBe(50);
  });
});

describe("methods", () => {
  test("HEAD answers like GET, without the body", async () => {
    const [head, whole] = [await get("/things/1", { method: "HEAD" }), await get("/things/1")];
    expect(head.status).toBe(200);
    expect(await head.text()).toBe("");
    expect(head.headers.get("content-type")).toBe(whole.headers.get("content-type"));
    expect((await raw("/hello", { method: "HEAD" })).body).toBe("");
  });

  test("HEAD of nothing is not found, without a body", async () => {
    const head = await raw("/nothing", { method: "HEAD" });
    expect(head).toMatchObject({ status: 404, body: "" });
  });

  test("another method of a known path is told those that are allowed", async () => {
    const answer = await get("/things/1", { method: "DELETE" });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS, PUT");
    expect(await answer.json()).toMatchObject({ code: "method_not_allowed" });
  });

  test("OPTIONS of a known path tells the methods, of another that there is none", async () => {
    const known = await get("/echo", { method: "OPTIONS" });
    expect([known.status, known.headers.get("allow")]).toEqual([204, "OPTIONS, POST"]);
    expect((await get("/nothing", { method: "OPTIONS" })).status).toBe(404);
  });

  test("a route's own 404 stays its own", async () => {
    const answer = await get("/missing");
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ message: "Nothing is served at /the/thing" });
  });
});

describe("aliases", () => {
  test("the route is the canonical one, the answer speaks of the path as sent", async () => {
    const answer = await get("/rest/v1/artists?select=a%20b&x=1");
    expect(await answer.json()).toEqual({
      table: "artists",
      path: "/data/v1/artists",
      originalPath: "/rest/v1/artists",
      search: "?select=a%20b&x=1",
    });
    expect(lastAccess()?.fields).toMatchObject({
      path: "/rest/v1/artists",
      route: "/data/v1/:table",
    });
  });

  test("405 knows them", async () => {
    const answer = await get("/rest/v1/artists", { method: "PUT" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS, POST"]);
  });

  test.each(["/data/v1/artists", "/rest/v1/artists"])(
    "a body refused before its end is answered at %s",
    async (path) => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array(200)),
      });
      const answer = await get(path, { method: "POST", body });
      expect(answer.status).toBe(413);
      const whole = await get(path, { method: "POST", body: "x".repeat(100) });
      expect(await whole.text()).toBe("100");
    },
  );
});

describe("the access log", () => {
  test("one line a request, without query, token or body", async () => {
    const before = bench.access().length;
    await get("/things/7?apikey=sb_secret_query&token=abc", {
      headers: {
        authorization: "Bearer header-secret",
        apikey: "sb_secret_header",
        cookie: "sid=cookie-secret",
      },
    });
    const lines = bench.access().slice(before);
    expect(lines).toHaveLength(1);
    const { request_id, ms, ...rest } = lines[0]?.fields ?? {};
    expect(rest).toEqual({
      method: "GET",
      path: "/things/7",
      route: "/things/:id",
      status: 200,
      peer: "127.0.0.1",
    });
    expect(request_id).toMatch(UUID_V7);
    expect(ms).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(bench.log.lines)).not.toMatch(/secret_query|header-secret|cookie-secret/);
  });
});

describe("failures", () => {
  test.each(["/boom", "/guarded"])(
    "%s discloses nothing and is logged with its cause",
    async (path) => {
      const answer = await get(path);
      expect(answer.status).toBe(500);
      const text = await answer.text();
      expect(JSON.parse(text)).toEqual({
        code: "internal_error",
        message: "The server could not complete the request",
        details: null,
        hint: "The request id in X-Request-Id finds the cause in the server's log",
      });
      const id = answer.headers.get("x-request-id");
      const line = bench.log.lines.find(
        (l) => l.event === "http.failed" && l.fields["request_id"] === id,
      );
      expect(line?.level).toBe("error");
      expect((line?.fields["error"] as Error | undefined)?.message).toBe(
        path === "/boom" ? SECRET_CAUSE : "the gate failed",
      );
    },
  );

  test("a known failure of the server tells its own words and logs the cause", async () => {
    const answer = await get("/refused");
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await answer.text()).not.toContain("hunter2");
    const id = answer.headers.get("x-request-id");
    const line = bench.log.lines.find(
      (l) => l.event === "http.failed" && l.fields["request_id"] === id,
    );
    expect(String(line?.fields["error"])).toContain(SECRET_CAUSE);
  });

  test("what a client did wrong is not logged as a failure", async () => {
    const answer = await get("/missing");
    const id = answer.headers.get("x-request-id");
    const lines = bench.log.lines.filter((l) => l.fields["request_id"] === id);
    expect(lines.map((l) => l.event)).toEqual(["http.request"]);
  });

  test("an error may be read by pages of other origins", async () => {
    for (const path of ["/boom", "/nothing", "/things//x"]) {
      const { headers } = await raw(path, {
        headers: ["Host: a.test", "Origin: https://app.test"],
      });
      expect(headers["access-control-allow-origin"]).toBe("*");
    }
  });
});

describe("metrics", () => {
  test("count each request under its route, never under its path", async () => {
    for (let n = 0; n < 20; n += 1) await get(`/things/${n}?x=${n}`);
    for (let n = 0; n < 20; n += 1) await get(`/nothing/${n}`);
    const text = bench.metrics();
    expect(text).not.toMatch(/things\/\d|nothing\//);
    expect(text).toMatch(
      /reactor_http_requests_total\{method="GET",route="\/things\/:id",status="200"\} \d\d/,
    );
    expect(text).toMatch(
      /reactor_http_requests_total\{method="GET",route="unmatched",status="404"\} \d\d/,
    );
    expect(text).toMatch(
      /reactor_http_request_seconds_bucket\{method="GET",route="\/hello",le="\+Inf"\} \d+/,
    );
  });

  test("nothing is in flight once all is answered, failures included", async () => {
    const paths = ["/hello", "/boom", "/nothing", "/refused", "/things//x"];
    await Promise.all(paths.map((path) => raw(path)));
    expect(bench.metrics()).toContain("reactor_http_requests_in_flight 0\n");
  });
});

describe("the client's address", () => {
  test("comes from a trusted proxy's header", async () => {
    const answer = await get("/things/1", { headers: { "x-forwarded-for": "203.0.113.9" } });
    expect(await answer.json()).toMatchObject({ address: "203.0.113.9", peer: "127.0.0.1" });
  });
});
