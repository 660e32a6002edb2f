/**
 * Cross-origin rules of `[server.cors]`, the same for every capability that has none of its own, and
 * none for `/_admin` and the pages of identity, which know people by a cookie. Fetch standard §3.2 (CORS protocol).
 */
import type { MountedCors } from "../../core/capability.ts";
import type { TenantCtx } from "../../core/tenant.ts";

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

/** The tenant is null for what was refused before it was known: then the common rules hold. */
export interface Cors {
  /** The answer to a preflight, or null when the request is not one. */
  preflight(request: Request, path: string, tenant: TenantCtx | null): Response | null;
  /** Adds the headers of an actual answer; a preflight's has them already. */
  apply(request: Request, path: string, headers: Headers, tenant: TenantCtx | null): void;
}

/** Who may call, and what they may read. */
interface Policy {
  readonly any: boolean;
  readonly named: ReadonlySet<string>;
  readonly credentials: boolean;
  readonly exposed: string;
  readonly mounted: MountedCors | null;
}

/** @param mounted rules of single capabilities, which go before the common ones. */
export function createCors(config: CorsConfig, mounted: readonly MountedCors[] = []): Cors {
  const common = commonPolicy(config, null);
  const special = mounted.map((rules) => specialPolicies(config, rules));
  const placeOf = lastPlace((path) => ({
    /** Nobody else's script may read these, whatever the configuration allows. */
    isPrivate: isBelow(path, "/_admin") || isBelow(path, "/auth/ui"),
    special: special.find(({ rules }) => isBelow(path, rules.path)) ?? null,
  }));
  const policyFor = (path: string, tenant: TenantCtx | null): Policy =>
    (tenant && placeOf(path).special?.policyOf(tenant)) ?? common;
  return {
    preflight(request, path, tenant) {
      if (request.method !== "OPTIONS") return null;
      const origin = request.headers.get("origin");
      const method = request.headers.get("access-control-request-method");
      if (origin === null || method === null) return null;
      const policy = policyFor(path, tenant);
      const headers = new Headers({ Vary: "Origin" });
      if (placeOf(path).isPrivate || !allow(policy, origin, headers)) {
        return new Response(null, { status: 403, headers });
      }
      headers.set("Access-Control-Allow-Methods", policy.mounted?.methods.join(", ") ?? METHODS);
      const wanted = request.headers.get("access-control-request-headers") ?? "";
      const allowed = allowedHeaders(HEADER_LIST.test(wanted) ? wanted : "", policy.mounted);
      if (allowed !== "") headers.set("Access-Control-Allow-Headers", allowed);
      headers.set("Access-Control-Max-Age", String(config.max_age_s));
      return new Response(null, { status: policy.mounted?.preflightStatus ?? 204, headers });
    },
    apply(request, path, headers, tenant) {
      if (placeOf(path).isPrivate) return;
      const policy = policyFor(path, tenant);
      // Answers differ by origin as soon as one is named, so caches must know even without one.
      if (!policy.any || policy.credentials) headers.append("Vary", "Origin");
      const origin = request.headers.get("origin");
      if (origin === null || !allow(policy, origin, headers)) return;
      headers.set("Access-Control-Expose-Headers", policy.exposed);
    },
  };
}

/** What holds for a path, found once for a run of requests for the same. */
function lastPlace<Place>(find: (path: string) => Place): (path: string) => Place {
  let last: string | null = null;
  let place = find("/");
  return (path) => {
    if (path !== last) place = find(path);
    last = path;
    return place;
  };
}

function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === "/");
}

function commonPolicy(config: CorsConfig, mounted: MountedCors | null): Policy {
  return {
    any: config.origins.includes("*"),
    named: new Set(config.origins.filter((origin) => origin !== "*")),
    credentials: config.allow_credentials,
    exposed: exposedBy(config, mounted),
    mounted,
  };
}

/** The policy of one capability, made anew only when its origins are others. */
function specialPolicies(config: CorsConfig, rules: MountedCors) {
  const fallback = commonPolicy(config, rules);
  const made = new WeakMap<readonly string[], Policy>();
  const policyOf = (tenant: TenantCtx): Policy => {
    const origins = rules.origins(tenant);
    if (origins === null) return fallback;
    const known = made.get(origins);
    if (known) return known;
    const any = origins.length === 0 || origins.includes("*");
    const policy = { ...fallback, any, named: new Set(origins), credentials: !any };
    made.set(origins, policy);
    return policy;
  };
  return { rules, policyOf };
}

function exposedBy(config: CorsConfig, mounted: MountedCors | null): string {
  return [...new Set([...(mounted?.exposed ?? []), ...EXPOSED, ...config.expose_headers])].join(
    ", ",
  );
}

function allow(policy: Policy, origin: string, headers: Headers): boolean {
  // With credentials the wildcard has no meaning to a browser, so only named origins are allowed.
  if (policy.named.has(origin)) headers.set("Access-Control-Allow-Origin", origin);
  else if (policy.any && !policy.credentials) headers.set("Access-Control-Allow-Origin", "*");
  else return false;
  if (policy.credentials) headers.set("Access-Control-Allow-Credentials", "true");
  return true;
}

function allowedHeaders(wanted: string, mounted: MountedCors | null): string {
  if (!mounted) return wanted;
  const { first, last } = mounted.requestHeaders;
  const asked = wanted.split(",").map((name) => name.trim());
  const seen = new Set<string>();
  return [...first, ...asked, ...last]
    .filter((name) => name !== "" && !seen.has(name.toLowerCase()) && seen.add(name.toLowerCase()))
    .join(", ");
}
