/** Sockets: TLS and its certificates, upgrades, idle connections, body limits and the end of it all. */
import { afterEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Elysia } from "elysia";
import { contextOf } from "../../src/core/context.ts";
import { base } from "../../src/core/http.ts";
import { type Listener, listenTcp, type TcpOptions } from "../../src/server/listeners.ts";
import { liveReload } from "../../src/server/live-reload.ts";
import { eventStream } from "../../src/server/sse.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { until } from "../support/until.ts";
import { openEdge } from "./edge-bench.ts";
import { requestText, sendRaw } from "./raw-http.ts";
import { selfSigned } from "./self-signed.ts";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

function listen(options: Partial<TcpOptions> & Pick<TcpOptions, "edge">): Listener {
  const listener = listenTcp({
    host: "127.0.0.1",
    port: 0,
    idleTimeoutS: 30,
    bodyBytesMax: 1_000,
    ...options,
  });
  opened.push(listener);
  return listener;
}

const portOf = (listener: Listener) => Number(new URL(listener.url).port);

/** Routes that wait to be told. */
function waitingRoutes() {
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const push = Promise.withResolvers<(text: string) => void>();
  const routes = new Elysia({ name: "waiting" })
    .use(base())
    .get("/slow", async () => {
      entered.resolve();
      await gate.promise;
      return "slow and whole";
    })
    .get("/stream", () => {
      const encoder = new TextEncoder();
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(encoder.encode("first "));
          push.resolve((text) => {
            controller.enqueue(encoder.encode(text));
            controller.close();
          });
        },
      });
      return new Response(body, { headers: { "content-type": "text/plain" } });
    })
    .get("/events", ({ request }) =>
      eventStream(systemClock, [request.signal, contextOf(request).closing], (sink) => {
        void gate.promise.then(() => sink.push("late", { arrived: true }));
        return () => undefined;
      }),
    );
  return { routes, gate, entered, push };
}

/** A connection that made one request and is quiet since. */
async function quietConnection(socket: Socket | TLSSocket) {
  const closed = Promise.withResolvers<void>();
  socket.on("error", () => undefined);
  socket.on("close", () => closed.resolve());
  // An idle client of ours answers a FIN with its own.
  socket.on("end", () => socket.end());
  const answered = new Promise<void>((resolve) => socket.once("data", () => resolve()));
  socket.write("GET /hello HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await answered;
  opened.push({ close: () => socket.destroy() });
  return { closed: closed.promise };
}

describe("TLS", () => {
  const [one, two] = [selfSigned("one.test"), selfSigned("two.test")];
  const nameAt = (port: number) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ port, host: "127.0.0.1", ca: [one.cert, two.cert] }, () => {
        const { CN } = socket.getPeerCertificate().subject;
        socket.destroy();
        resolve(String(CN));
      });
      socket.on("error", reject);
    });

  test("a listener with a certificate answers over TLS and only so", async () => {
    const listener = listen({ edge: openEdge().edge, certificates: [one] });
    expect(listener.url).toStartWith("https://");
    const answer = await fetch(`${listener.url}/things/1`, { tls: { ca: one.cert } });
    expect(await answer.json()).toMatchObject({ origin: listener.url });
    const echo = await fetch(`${listener.url}/echo`, {
      method: "POST",
      body: "sent",
      tls: { ca: one.cert },
    });
    expect(await echo.text()).toBe("sent");
    const plain = await sendRaw({ port: portOf(listener) }, requestText("/hello"));
    expect(plain.status).toBe(0);
  });

  test("new certificates are served at once, and drop nothing that is being answered", async () => {
    const { routes, gate, entered, push } = waitingRoutes();
    const listener = listen({ edge: openEdge({ plugins: [routes] }).edge, certificates: [one] });
    const tls = { ca: [one.cert, two.cert] };
    expect(await nameAt(portOf(listener))).toBe("one.test");
    const quiet = await quietConnection(
      connectTls({ port: portOf(listener), host: "127.0.0.1", ca: one.cert }),
    );
    const slow = fetch(`${listener.url}/slow`, { tls });
    const stream = await fetch(`${listener.url}/stream`, { tls });
    await entered.promise;

    listener.swapCertificates([two]);
    for (let n = 0; n < 10; n += 1) expect(await nameAt(portOf(listener))).toBe("two.test");
    // A client that is only keeping its connection hears of the end before it sends more.
    await quiet.closed;
    gate.resolve();
    (await push.promise)("last");
    expect(await (await slow).text()).toBe("slow and whole");
    expect(await stream.text()).toBe("first last");
  });

  test("a certificate that cannot be used changes nothing", async () => {
    const listener = listen({ edge: openEdge().edge, certificates: [one] });
    expect(() =>
      listener.swapCertificates([{ ...two, key: one.key.replace(/[A-Z]/, "!") }]),
    ).toThrow();
    expect(await nameAt(portOf(listener))).toBe("one.test");
    listener.swapCertificates([two]);
    expect(await nameAt(portOf(listener))).toBe("two.test");
  });

  test("the end of a listener is the end of those of earlier certificates too", async () => {
    const { routes, gate, entered } = waitingRoutes();
    const listener = listen({ edge: openEdge({ plugins: [routes] }).edge, certificates: [one] });
    const slow = fetch(`${listener.url}/slow`, { tls: { ca: one.cert } });
    await entered.promise;
    listener.swapCertificates([two]);
    let isDrained = false;
    const drained = listener.drain().then(() => {
      isDrained = true;
    });
    await Promise.resolve();
    expect(isDrained).toBe(false);
    gate.resolve();
    expect(await (await slow).text()).toBe("slow and whole");
    await drained;
  });

  test("a port is not shared with another server, certificate or not", () => {
    const first = listen({ edge: openEdge().edge, certificates: [one] });
    const port = portOf(first);
    for (const certificates of [[two], []]) {
      expect(() => listen({ edge: openEdge().edge, port, certificates })).toThrow(
        /in use|EADDRINUSE/i,
      );
    }
  });
});

describe("WebSocket upgrades", () => {
  const SOCKETS = 20;

  test("reach the handler of the listener they came through, with several listeners open", async () => {
    const sides = [liveReload(), liveReload()].map((live) => {
      const listener = listen({ edge: openEdge({ plugins: [live.routes] }).edge });
      return { live, url: listener.url.replace("http", "ws") };
    });
    const heard: string[][] = Array.from({ length: SOCKETS }, () => []);
    await Promise.all(
      heard.map(async (mine, n) => {
        const socket = new WebSocket(`${sides[n % 2]?.url}/_dev/live`);
        socket.addEventListener("message", ({ data }) => mine.push(String(data)));
        opened.push(socket);
        await new Promise((resolve, reject) => {
          socket.addEventListener("open", resolve);
          socket.addEventListener("error", reject);
        });
      }),
    );
    for (const [side, { live }] of sides.entries()) live.tell({ side });
    await until("every socket hears", () => heard.every((mine) => mine.length > 0));
    expect(heard).toEqual(heard.map((_, n) => [JSON.stringify({ side: n % 2 })]));
  });

  test("are logged once, and told apart from requests that are no upgrade", async () => {
    const live = liveReload();
    const bench = openEdge({ plugins: [live.routes] });
    const listener = listen({ edge: bench.edge });
    const plain = await fetch(`${listener.url}/_dev/live`);
    expect(plain.status).toBe(400);
    const socket = new WebSocket(`${listener.url.replace("http", "ws")}/_dev/live`);
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    socket.close();
    expect(bench.access().map(({ fields }) => fields["status"])).toEqual([400, 101]);
    expect(bench.metrics()).toContain("reactor_http_requests_in_flight 0\n");
  });

  test("a socket that has closed is told nothing more", async () => {
    const live = liveReload();
    const listener = listen({ edge: openEdge({ plugins: [live.routes] }).edge });
    const url = `${listener.url.replace("http", "ws")}/_dev/live`;
    const [gone, stays] = [new WebSocket(url), new WebSocket(url)];
    const heard: unknown[] = [];
    stays.addEventListener("message", ({ data }) => heard.push(data));
    await Promise.all(
      [gone, stays].map((s) => new Promise((resolve) => s.addEventListener("open", resolve))),
    );
    const closed = new Promise((resolve) => gone.addEventListener("close", resolve));
    gone.close();
    await closed;
    live.tell({ n: 1 });
    await until("the other hears", () => heard.length === 1);
    stays.close();
  });
});

describe("a connection without traffic", () => {
  test("is closed, but not one whose answer is still being made, nor a stream of events", async () => {
    const { routes, gate, entered } = waitingRoutes();
    const listener = listen({ edge: openEdge({ plugins: [routes] }).edge, idleTimeoutS: 1 });
    const port = portOf(listener);
    const slow = fetch(`${listener.url}/slow`);
    const events = await fetch(`${listener.url}/events`);
    await entered.promise;
    // Quiet ones that came later are closed twice over before the others go on.
    await (await quietConnection(connect(port, "127.0.0.1"))).closed;
    await (await quietConnection(connect(port, "127.0.0.1"))).closed;
    gate.resolve();
    expect(await (await slow).text()).toBe("slow and whole");
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("late")) text += (await reader?.read())?.value ?? "";
    expect(text).toContain('event: late\ndata: {"arrived":true}\n\n');
    await reader?.cancel();
  });

  test("is closed when a body stops arriving", async () => {
    const listener = listen({ edge: openEdge().edge, idleTimeoutS: 1 });
    const head = "POST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nabc";
    expect((await sendRaw({ port: portOf(listener) }, head)).status).not.toBe(200);
  });
});

describe("request bodies", () => {
  test.each([
    ["announced", `Content-Length: 2000\r\n\r\n${"x".repeat(2000)}`],
    ["chunked", `Transfer-Encoding: chunked\r\n\r\n7d0\r\n${"x".repeat(2000)}\r\n0\r\n\r\n`],
  ])("over the limit are refused, %s", async (_how, rest) => {
    const listener = listen({ edge: openEdge().edge });
    const head = "POST /echo HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n";
    const answer = await sendRaw({ port: portOf(listener) }, head + rest);
    expect(answer.status).toBe(413);
  });

  test("of the limit are taken", async () => {
    const listener = listen({ edge: openEdge().edge });
    const body = "x".repeat(1_000);
    const answer = await fetch(`${listener.url}/echo`, { method: "POST", body });
    expect(await answer.text()).toBe(body);
  });
});

describe("draining", () => {
  test("answers what was begun, refuses what comes, and ends then", async () => {
    const { routes, gate, entered } = waitingRoutes();
    const listener = listen({ edge: openEdge({ plugins: [routes] }).edge });
    const slow = fetch(`${listener.url}/slow`);
    await entered.promise;
    const quiet = await quietConnection(connect(portOf(listener), "127.0.0.1"));
    let isDrained = false;
    const drained = listener.drain().then(() => {
      isDrained = true;
    });
    await quiet.closed;
    expect((await sendRaw({ port: portOf(listener) }, requestText("/hello"))).status).toBe(0);
    expect(isDrained).toBe(false);
    gate.resolve();
    expect(await (await slow).text()).toBe("slow and whole");
    await drained;
  });

  test("a stream of events ends with it", async () => {
    const { routes } = waitingRoutes();
    const listener = listen({ edge: openEdge({ plugins: [routes] }).edge });
    const events = await fetch(`${listener.url}/events`);
    const drained = listener.drain();
    expect(await events.text()).toBe(": open\n\n");
    await drained;
  });

  test("an open WebSocket does not hold it up", async () => {
    const live = liveReload();
    const listener = listen({ edge: openEdge({ plugins: [live.routes] }).edge });
    const socket = new WebSocket(`${listener.url.replace("http", "ws")}/_dev/live`);
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
    await listener.drain();
    expect((await closed).code).toBe(1001);
  });
});
