/**
 * Turns a list of capabilities into one app: checks that each need is met, mounts in the order of
 * needs, chains the plugins under the base, and knows which methods a path has.
 */
import { type AnyElysia, Elysia } from "elysia";
import type { Capability, Deps, Mounted } from "../core/capability.ts";
import { contextOf } from "../core/context.ts";
import { coreErrors } from "../core/errors.ts";
import { base, errorResponse } from "../core/http.ts";
import type { PortName, Ports } from "../core/ports/index.ts";
import { StartupError } from "../core/startup-error.ts";
import type { App } from "./edge/edge.ts";

export interface MountedCapability {
  readonly capability: Capability;
  readonly mounted: Mounted;
}

/** In the order of needs: whoever provides stands before whoever needs. */
export function inOrderOfNeeds(
  capabilities: readonly Capability[],
  remote: readonly PortName[],
): Capability[] {
  const ordered: Capability[] = [];
  const provided = new Set<PortName>(remote);
  let rest = [...capabilities];
  while (rest.length > 0) {
    const ready = rest.filter((c) => c.needs.every((n) => provided.has(n)));
    if (ready.length === 0) throw unmet(rest, provided, capabilities);
    for (const capability of ready) {
      ordered.push(capability);
      for (const port of capability.provides) provided.add(port);
    }
    rest = rest.filter((c) => !ready.includes(c));
  }
  return ordered;
}

function unmet(rest: Capability[], provided: Set<PortName>, all: readonly Capability[]) {
  const [first] = rest;
  const port = first?.needs.find((n) => !provided.has(n)) ?? "auth";
  const circular = all.some((c) => c.provides.includes(port));
  return new StartupError({
    code: "need_unmet",
    message: `${first?.name ?? "a capability"} needs '${port}', which nothing here provides`,
    hint: circular
      ? "Two capabilities need each other; this is a defect of the list"
      : `Add the capability that provides it to --only, or set [${port}] url to where it runs`,
    exitCode: 2,
  });
}

/** Mounts each capability; on a failure closes what was mounted and rethrows. */
export async function mountAll(
  ordered: readonly Capability[],
  configOf: (capability: Capability) => Promise<never>,
  depsOf: (capability: Capability, ports: Partial<Ports>) => Deps,
  remote: Partial<Ports>,
): Promise<MountedCapability[]> {
  const done: MountedCapability[] = [];
  let ports: Partial<Ports> = { ...remote };
  try {
    for (const capability of ordered) {
      const mounted = await capability.mount(await configOf(capability), depsOf(capability, ports));
      done.push({ capability, mounted });
      ports = { ...ports, ...mounted.ports };
    }
    return done;
  } catch (error) {
    for (const { mounted } of done.reverse()) await mounted.close();
    throw error;
  }
}

/** A check before everything below a prefix: it throws for who may not pass. */
export type Gates = Readonly<Record<`/${string}`, (request: Request) => void>>;

/** Chains the plugins: the capabilities' and the server's own (health, metrics, admin, docs). */
export function composeApp(plugins: readonly AnyElysia[], gates: Gates = {}): App {
  let app: AnyElysia = new Elysia({ normalize: false, handler: { standardHostname: false } }).use(
    base(),
  );
  for (const plugin of plugins) app = app.use(plugin);
  app.compile();
  const methods = methodTable(app);
  return {
    handle(request) {
      checkGates(gates, request);
      return app.handle(request);
    },
    otherwise: (request) => methodAnswer(request.method, methods(contextOf(request).path)),
  };
}

function checkGates(gates: Gates, request: Request): void {
  const { path } = contextOf(request);
  for (const prefix in gates) {
    if (path === prefix || path.startsWith(`${prefix}/`)) gates[prefix as `/${string}`]?.(request);
  }
}

/** 204 with Allow for OPTIONS, 405 with Allow for another method, null where no path matches. */
function methodAnswer(method: string, allow: readonly string[]): Response | null {
  if (allow.length === 0) return null;
  if (method === "OPTIONS") {
    return new Response(null, { status: 204, headers: { Allow: allow.join(", ") } });
  }
  return errorResponse(coreErrors.method_not_allowed(method, allow));
}

function methodTable(app: AnyElysia): (path: string) => string[] {
  const rows = app.routes.map(({ method, path }) => ({ method, pattern: patternOf(path) }));
  return (path) => {
    const found = new Set<string>();
    for (const { method, pattern } of rows) {
      if (!pattern.test(path)) continue;
      found.add(method);
      if (method === "GET") found.add("HEAD");
    }
    return found.size === 0 ? [] : [...found, "OPTIONS"].sort();
  };
}

/** A route's pattern as a regular expression: `:name` is one segment, `*` the rest. */
function patternOf(path: string): RegExp {
  const source = path
    .split("/")
    .map((part) => {
      if (part === "*") return ".*";
      if (part.startsWith(":")) return "[^/]+";
      return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    })
    .join("/");
  return new RegExp(`^${source}/?$`);
}
