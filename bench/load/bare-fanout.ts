/** The least that a fan-out costs: what one socket sends, all others get as it came. */
const sockets = new Set<Bun.ServerWebSocket<undefined>>();
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, self) {
    return self.upgrade(request) ? undefined : new Response("ready");
  },
  websocket: {
    open: (ws) => void sockets.add(ws),
    close: (ws) => void sockets.delete(ws),
    message(ws, data) {
      for (const other of sockets) if (other !== ws) other.send(data);
    },
  },
});
console.log(`ready ${server.url.origin}`);
process.on("SIGTERM", () => process.exit(0));
