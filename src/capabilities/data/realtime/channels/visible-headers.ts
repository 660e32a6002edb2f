/** The headers of the request that opened a socket, as policies read them in `request.headers`. */

/** Their values never reach the database: they are credentials. */
const SECRET: ReadonlySet<string> = new Set([
  "authorization",
  "apikey",
  "cookie",
  "proxy-authorization",
  "x-api-key",
]);

/** JSON text of an object. */
export function visibleHeaders(headers: Headers): string {
  const visible: Record<string, string> = {};
  headers.forEach((value, name) => {
    if (!SECRET.has(name)) visible[name] = value;
  });
  return JSON.stringify(visible);
}
