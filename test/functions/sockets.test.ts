/** WebSockets to functions, through a real listener and a real process. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ project: "test/fixtures/sockets", only: ["auth", "functions"] });
}, 60_000);
afterAll(() => server.stop());

interface Client {
  readonly socket: WebSocket;
  /** The next message. */
  next(): Promise<unknown>;
  readonly closed: Promise<{ code: number; reason: string }>;
}

const HANDSHAKE = {
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Rejects when the handshake is refused. */
function connect(path: string, options: object = {}): Promise<Client> {
  const Client = WebSocket as unknown as new (url: string, options: object) => WebSocket;
  const socket = new Client(`${server.url.replace("http", "ws")}/fn/v1${path}`, options);
  socket.binaryType = "arraybuffer";
  const arrived: unknown[] = [];
  const waiting: ((message: unknown) => void)[] = [];
  socket.onmessage = ({ data }) => {
    const take = waiting.shift();
    if (take) take(data);
    else arrived.push(data);
  };
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve({ code, reason });
  });
  const next = () =>
    arrived.length > 0
      ? Promise.resolve(arrived.shift())
      : new Promise<unknown>((resolve) => waiting.push(resolve));
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve({ socket, next, closed });
    socket.onerror = () => reject(new Error("refused"));
  });
}

test("texts and bytes pass both ways in order, with the path and query of the request", async () => {
  const { socket, next, closed } = await connect("/chat/room?name=ada");
  expect(await next()).toBe("hello ada");
  for (let n = 0; n < 100; n += 1) socket.send(`message ${n}`);
  for (let n = 0; n < 100; n += 1) expect(await next()).toBe(`message ${n}`);
  const bytes = new Uint8Array(200_000).map((_, i) => i % 251);
  socket.send(bytes);
  expect(Bun.hash(new Uint8Array((await next()) as ArrayBuffer))).toBe(Bun.hash(bytes));
  socket.send("close");
  expect(await closed).toEqual({ code: 4001, reason: "bye" });
});

test("a subprotocol that the function chose is told to the client", async () => {
  const { socket, next } = await connect("/chat?name=x", { protocols: ["chat.v1"] });
  await next();
  expect(socket.protocol).toBe("chat.v1");
  socket.close(4000);
});

test("what a handler throws is logged and ends nothing", async () => {
  const { socket, next } = await connect("/chat?name=x");
  await next();
  socket.send("throw");
  socket.send("still here");
  expect(await next()).toBe("still here");
  socket.close();
});

test("a function that does not take it answers as HTTP, and so does one that needs a credential", async () => {
  await expect(connect("/chat/no")).rejects.toThrow("refused");
  await expect(connect("/closed?name=x")).rejects.toThrow("refused");
  const headers = { apikey: server.publishableKey };
  const { socket, next } = await connect("/closed?name=x", { headers });
  expect(await next()).toBe("hello x");
  socket.close();
  const refused = await fetch(`${server.url}/fn/v1/chat/no`, { headers: HANDSHAKE });
  expect(refused.status).toBe(426);
  expect(await refused.json()).toMatchObject({ code: "socket_refused" });
});

test.each(["sec-websocket-key", "sec-websocket-version"])(
  "a handshake with a bad %s is refused before the function has seen it",
  async (name) => {
    const headers = { ...HANDSHAKE, [name]: "x" };
    const refused = await fetch(`${server.url}/fn/v1/chat/no`, { headers });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: "not_an_upgrade" });
  },
);

test("a function that reads no more is let go of before what waits for it fills the server", async () => {
  const { socket, closed } = await connect("/stuck");
  socket.send("stop");
  const piece = new Uint8Array(1_000_000);
  for (let n = 0; n < 100 && socket.readyState === WebSocket.OPEN; n += 1) {
    socket.send(piece);
    await until("it is sent", async () => socket.bufferedAmount === 0 || socket.readyState > 1);
  }
  expect(await closed).toEqual({ code: 1013, reason: "The function reads too slowly" });
});

test("when the function's process ends, the client is told and can come again", async () => {
  const { socket, next, closed } = await connect("/chat?name=x");
  await next();
  socket.send("crash");
  expect((await closed).code).toBeGreaterThanOrEqual(1000);
  const again = await connect("/chat?name=y");
  expect(await again.next()).toBe("hello y");
  again.socket.close();
});
