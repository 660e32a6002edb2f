/**
 * A proxy that lies: it answers 201 to every row as soon as it has it and passes it on afterwards. What
 * the crash loop must find out.
 */

const ON_THE_WAY_MAX = 32;

/** @param target the URL of the server, asked at each request */
export function startEarlyAck(target: () => string) {
  const onTheWay = new Set<Promise<unknown>>();
  const passOn = async (request: Request, body: ArrayBuffer) => {
    const url = new URL(request.url);
    const { method, headers } = request;
    const init = method === "GET" ? { method, headers } : { method, headers, body };
    return fetch(`${target()}${url.pathname}${url.search}`, init);
  };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = await request.arrayBuffer();
      if (!new URL(request.url).pathname.startsWith("/data/v1/")) return passOn(request, body);
      while (onTheWay.size >= ON_THE_WAY_MAX) await Promise.race(onTheWay);
      const sending = passOn(request, body)
        .then((response) => response.arrayBuffer())
        .catch(() => undefined)
        .finally(() => onTheWay.delete(sending));
      onTheWay.add(sending);
      return new Response(null, { status: 201 });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    async stop() {
      await server.stop(true);
      await Promise.all(onTheWay);
    },
  };
}
