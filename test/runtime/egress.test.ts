/** What functions send requests to, through the real link: bodies, redirects, refusals, the other end. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { parseRange } from "../../src/shared/ip-address.ts";
import { until } from "../support/until.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let web: Bun.Server<undefined>;
let open: Fixture;
let closed: Fixture;
let aborted = 0;
let slow = Promise.withResolvers<void>();

beforeAll(async () => {
  web = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/echo") return new Response(request.body, { headers: request.headers });
      if (pathname === "/headers") return Response.json(Object.fromEntries(request.headers));
      if (pathname === "/gzip") {
        const headers = { "content-encoding": "gzip" };
        return new Response(Bun.gzipSync("packed ☃"), { headers });
      }
      if (pathname === "/hop") return Response.redirect("/headers", 302);
      if (pathname === "/metadata") return Response.redirect("http://169.254.169.254/latest", 302);
      if (pathname === "/round") return Response.redirect("/round", 302);
      if (pathname === "/slow-arrived") await slow.promise;
      if (pathname === "/slow") {
        slow.resolve();
        request.signal.addEventListener("abort", () => {
          aborted += 1;
        });
        await Bun.sleep(20_000);
      }
      return new Response("not here", { status: 404 });
    },
  });
  const loopback = parseRange("127.0.0.0/8");
  open = await createFixture({ openRanges: loopback ? [loopback] : [] });
  closed = await createFixture();
});
afterAll(async () => {
  await Promise.all([open.close(), closed.close()]);
  await web.stop(true);
});

/** Runs `body` in a function; \`url\` is the web server. What it returns comes back as JSON. */
async function run(fixture: Fixture, body: string, egress: string[] = ["*"]): Promise<unknown> {
  const source = `const url = ${JSON.stringify(`http://127.0.0.1:${web.port}`)};
    export default async () => Response.json(await (async () => { ${body} })());`;
  const spec = fixture.bunSpec("egress", source);
  const answer = await fixture.invoke({ ...spec, egress, version: `${spec.version}${egress}` });
  return await answer.json();
}

test("bodies of any size pass both ways unchanged", async () => {
  const body = `const sent = new Uint8Array(20 * 1024 * 1024).map((_, i) => (i * 31) % 251);
    const got = await (await fetch(url + "/echo", { method: "POST", body: sent })).bytes();
    return [got.length, Bun.hash(got) === Bun.hash(sent)];`;
  expect(await run(open, body)).toEqual([20 * 1024 * 1024, true]);
}, 60_000);

test("a request whose head is too long is refused, and the process lives", async () => {
  const body = `const failed = (asked) => asked.catch((error) => [error.name, error.message]);
    return [await failed(fetch(url + "/headers", { headers: { "x-long": "a".repeat(70_000) } })),
      await failed(fetch(url + "/headers?" + "a".repeat(70_000))),
      (await fetch(url + "/headers")).status];`;
  const refusal = ["TypeError", "URL and headers of a request have at most 65536 bytes"];
  expect(await run(open, body)).toEqual([refusal, refusal, 200]);
});

test("many requests at a time get their own answers", async () => {
  const body = `const all = await Promise.all(Array.from({ length: 200 }, (_, n) =>
      fetch(url + "/echo", { method: "POST", body: "n" + n }).then((r) => r.text())));
    return all.every((text, n) => text === "n" + n);`;
  expect(await run(open, body)).toBe(true);
});

test("headers go and come, the host is the URL's, compressed answers are decoded", async () => {
  const body = `const seen = await (await fetch(url + "/headers", { headers: { "x-mine": "1", host: "evil" } })).json();
    const packed = await fetch(url + "/gzip");
    return [seen["x-mine"], seen.host === new URL(url).host, await packed.text(), packed.headers.get("content-encoding")];`;
  expect(await run(open, body)).toEqual(["1", true, "packed ☃", null]);
});

test("redirects are followed, judged anew, and end", async () => {
  const body = `const r = await fetch(url + "/hop");
    const manual = await fetch(url + "/hop", { redirect: "manual" });
    const refused = await fetch(url + "/metadata").catch((e) => e.message);
    const round = await fetch(url + "/round").catch((e) => e.message);
    return [r.status, r.redirected, r.url === url + "/headers", manual.status, refused, round];`;
  expect(await run(open, body)).toEqual([
    200,
    true,
    true,
    302,
    "169.254.169.254 is in a private network; the operator can open it with runtime.egress_private",
    "Too many redirects",
  ]);
});

test("an aborted request rejects with the signal's reason and ends at the other side too", async () => {
  const before = aborted;
  slow = Promise.withResolvers();
  const body = `const leave = new AbortController();
    const asked = fetch(url + "/slow", { signal: leave.signal }).catch((e) => e.name);
    await fetch(url + "/slow-arrived");
    leave.abort(new DOMException("too slow", "TimeoutError"));
    return await asked;`;
  expect(await run(open, body)).toBe("TimeoutError");
  await until("the web server sees it", () => aborted > before);
}, 60_000);

test("what the policy does not name is refused in words, and private networks always", async () => {
  const body = `return await fetch(url + "/headers").then((r) => r.status, (e) => e.name + ": " + e.message);`;
  expect(await run(open, body, ["api.example.com"])).toBe(
    'TypeError: 127.0.0.1 is not among the hosts this function may reach; add it to "egress" in its settings',
  );
  expect(await run(closed, body)).toContain("is in a private network");
  expect(await run(open, body, [])).toContain("is not among the hosts");
});

test("Unix sockets are not reached through fetch", async () => {
  const body = `return await fetch("http://localhost/", { unix: "/run/postgresql/.s.PGSQL.5432" }).catch((e) => e.message);`;
  expect(await run(open, body)).toBe("A function cannot reach Unix sockets");
});

test("a status that is none fails its own request, and what comes after it is served", async () => {
  const odd = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.end("HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nhi");
      },
    },
  });
  const body = `const asked = fetch("http://127.0.0.1:${odd.port}/").catch((error) => [error.name, error.message]);
    return [await asked, (await fetch(url + "/headers")).status];`;
  try {
    const reason =
      "The request failed: The answer has the status 999, which is none from 200 to 599";
    expect(await run(open, body)).toEqual([["TypeError", reason], 200]);
  } finally {
    odd.stop(true);
  }
});
