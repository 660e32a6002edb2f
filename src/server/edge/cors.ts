/**
 * Cross-origin rules of `[server.cors]`, the same for every capability and none for `/_admin`.
 * Fetch standard §3.2 (CORS protocol).
 */
export interface CorsConfig {
  /** Allowed origins, or `*` for any. Exact strings, scheme and port included. */
  readonly origins: readonly string[];
  /** Allows cookies; needs named origins. */
  readonly allow_credentials: boolean;
  /** How long a browser may keep a preflight answer, seconds. */
  readonly max_age_s: number;
  /** Answer headers scripts may read, beside `EXPOSED`. */
  readonly expose_headers: readonly string[];
}

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const EXPOSED = [
  "X-Request-Id",
  "Content-Range",
  "Content-Location",
  "Location",
  "Preference-Applied",
  "Retry-After",
  "X-Supabase-Api-Version",
  "X-Reactor-Function",
  "X-Reactor-Version",
  "X-Reactor-Cold-Start",
  "X-Reactor-Duration-Ms",
];
const HEADER_LIST = /^[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2048}$/;

export interface Cors {
  /** The answer to a preflight, or null when the request is not one. */
  preflight(request: Request, path: string): Response | null;
  /** Adds the headers of an actual answer; a preflight's has them already. */
  apply(request: Request, path: string, headers: Headers): void;
}

export function createCors(config: CorsConfig): Cors {
  const any = config.origins.includes("*");
  const named = new Set(config.origins.filter((origin) => origin !== "*"));
  const exposed = [...EXPOSED, ...config.expose_headers].join(", ");
  const isOpen = (path: string) => path !== "/_admin" && !path.startsWith("/_admin/");

  const allow = (origin: string, headers: Headers): boolean => {
    // With credentials the wildcard has no meaning to a browser, so only named origins are allowed.
    if (named.has(origin)) headers.set("Access-Control-Allow-Origin", origin);
    else if (any && !config.allow_credentials) headers.set("Access-Control-Allow-Origin", "*");
    else return false;
    if (config.allow_credentials) headers.set("Access-Control-Allow-Credentials", "true");
    return true;
  };

  return {
    preflight(request, path) {
      const origin = request.headers.get("origin");
      const method = request.headers.get("access-control-request-method");
      if (request.method !== "OPTIONS" || origin === null || method === null) return null;
      const headers = new Headers({ Vary: "Origin" });
      if (!isOpen(path) || !allow(origin, headers))
        return new Response(null, { status: 403, headers });
      headers.set("Access-Control-Allow-Methods", METHODS);
      const wanted = request.headers.get("access-control-request-headers") ?? "";
      if (HEADER_LIST.test(wanted)) headers.set("Access-Control-Allow-Headers", wanted);
      headers.set("Access-Control-Max-Age", String(config.max_age_s));
      return new Response(null, { status: 204, headers });
    },
    apply(request, path, headers) {
      if (!isOpen(path)) return;
      // Answers differ by origin as soon as one is named, so caches must know even without one.
      if (!any || config.allow_credentials) headers.append("Vary", "Origin");
      const origin = request.headers.get("origin");
      if (origin === null || !allow(origin, headers)) return;
      headers.set("Access-Control-Expose-Headers", exposed);
    },
  };
}
