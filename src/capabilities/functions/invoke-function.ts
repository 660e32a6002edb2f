/**
 * One call of a function: who may call it, the version that is active now, its runtime, and the
 * record of what happened. Reached from `routes` with any method and path.
 */
import type { RequestContext } from "../../core/context.ts";
import { coreErrors, ReactorError } from "../../core/errors.ts";
import { admitted, permits } from "../../core/permissions.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { CallerHeaders } from "../../core/ports/function-runtime.ts";
import { readCredentials } from "../../shared/auth/credentials.ts";
import { answerOnce } from "./answer-once.ts";
import { chooseVersion, type ShareKeys } from "./choose-version.ts";
import { functionsErrors } from "./errors.ts";
import { forwardRequest } from "./forward-request.ts";
import type { ActiveFunction } from "./function-version.ts";
import { type OnPlaced, observeCall, type Ran } from "./observe-call.ts";
import type { FunctionsParts } from "./parts.ts";
import { asksForSocket, serveSocket } from "./serve-socket.ts";

interface Target {
  readonly name: string;
  /** Path below the function, "" or with a leading slash, still encoded. */
  readonly below: string;
}

const MOUNT = "/fn/v1/";
const EXPORT_NAME = /^[A-Za-z_$][A-Za-z0-9_$.-]{0,127}$/;
const NOBODY: Principal = {
  role: "anon",
  userId: null,
  claims: '{"role":"anon"}',
  expiresAt: Number.POSITIVE_INFINITY,
};

/** `/fn/v1/hello/a/b` is the function `hello` and `/a/b` below it. */
export function targetOf(path: string): Target {
  const rest = path.slice(MOUNT.length);
  const slash = rest.indexOf("/");
  return slash < 0
    ? { name: rest, below: "" }
    : { name: rest.slice(0, slash), below: rest.slice(slash) };
}

/**
 * @throws function_not_found, credential_required, bad_credential, insufficient_scope, policy_denied, method_not_allowed (WASM),
 *   body_too_large, and what the runtimes throw
 */
export async function invokeFunction(
  parts: FunctionsParts,
  ctx: RequestContext,
  request: Request,
): Promise<Response> {
  const { name, below } = targetOf(ctx.path);
  const found = await findFunction(parts, ctx, name);
  const caller = await admit(parts, found, ctx, request);
  const keys = { requestId: ctx.id, caller: caller.principal.userId ?? ctx.address };
  const chosen = chooseVersion(found, keys);
  const exportName = chosen.version.runtime === "wasm" ? exportOf(found, request, below) : null;
  const call = { found, keys, caller, exportName, below };
  if (asksForSocket(request)) return await openFor(parts, ctx, request, call);
  const called = { name, chosen };
  const keyed = { principal: caller.principal, called };
  return answerOnce(parts, ctx, request, keyed, (once) =>
    observeCall(parts, ctx, once, called, (counted, onPlaced) =>
      run(parts, ctx, counted, call, onPlaced),
    ),
  );
}

async function findFunction(
  parts: FunctionsParts,
  ctx: RequestContext,
  name: string,
): Promise<ActiveFunction> {
  const { registry } = parts.state(ctx.tenant);
  if (!registry.loaded) await loadFirst(registry);
  const found = registry.get(name);
  if (!found) throw functionsErrors.function_not_found(name.slice(0, 64));
  return found;
}

async function loadFirst(registry: { load(): Promise<void> }): Promise<void> {
  try {
    await registry.load();
  } catch (error) {
    throw coreErrors.unavailable("The list of functions", error);
  }
}

interface Caller {
  readonly principal: Principal;
  /** What the function may use in the caller's name. */
  readonly credentials: CallerHeaders;
}

/**
 * A function with `verify_jwt` needs a credential, and a bad one is 401 for every function. Only one
 * that is open and reads `Authorization` itself (a webhook with its own secret) gets such calls, as
 * from nobody.
 */
async function admit(
  parts: FunctionsParts,
  found: ActiveFunction,
  ctx: RequestContext,
  request: Request,
): Promise<Caller> {
  const check = (principal: Principal) => checkAllowed(parts, ctx, request, found, principal);
  try {
    const { bearer, apikey, org = null } = readCredentials(request.headers);
    if (found.verifyJwt && !bearer && !apikey) {
      throw functionsErrors.credential_required(found.name);
    }
    const principal = await admitted(await ctx.scopedPrincipal(), check);
    const authorization = bearer && `Bearer ${bearer}`;
    return { principal, credentials: { authorization, apikey, org } };
  } catch (error) {
    const isOwnScheme = !found.verifyJwt && found.forwardAuthorization;
    if (!isOwnScheme || !(error instanceof ReactorError) || error.status !== 401) throw error;
    check(NOBODY);
    return { principal: NOBODY, credentials: { authorization: null, apikey: null } };
  }
}

/** What a key's scopes and `[[policies]]` say of it. @throws insufficient_scope, policy_denied */
function checkAllowed(
  { deps }: FunctionsParts,
  ctx: RequestContext,
  { method }: Request,
  found: ActiveFunction,
  principal: Principal,
): void {
  const action = actionOf(found);
  if (!permits(principal, action)) throw coreErrors.insufficient_scope(action);
  const request = { method, address: ctx.address };
  const { allowed, policy } = deps.policies.decide({ principal, action, request });
  if (allowed) return;
  ctx.log.info("policy.denied", { action, policy, user_id: principal.userId });
  throw functionsErrors.policy_denied(action);
}

const actionOf = ({ name }: ActiveFunction) => `functions:${name}:invoke`;

/** WASM is called by POST with the input as body; the path may name the export. */
function exportOf(found: ActiveFunction, request: Request, below: string): string | null {
  if (request.method !== "POST") throw coreErrors.method_not_allowed(request.method, ["POST"]);
  if (below === "" || below === "/") return null;
  const name = below.slice(1);
  if (!EXPORT_NAME.test(name)) throw functionsErrors.path_not_an_export(found.name);
  return name;
}

interface Call {
  readonly found: ActiveFunction;
  readonly keys: ShareKeys;
  readonly caller: Caller;
  readonly exportName: string | null;
  readonly below: string;
}

/** The answer is never sent: the edge knows that the request has become a WebSocket. */
async function openFor(
  parts: FunctionsParts,
  ctx: RequestContext,
  request: Request,
  { found, keys, caller, below }: Call,
): Promise<Response> {
  const chosen = chooseVersion(found, keys);
  return await observeCall(parts, ctx, request, { name: found.name, chosen }, async () => {
    await serveSocket(parts, ctx, request, {
      tenant: ctx.tenant,
      requestId: ctx.id,
      spec: await parts.state(ctx.tenant).specs.of(found, chosen.version),
      request: forwardRequest(request, ctx, found, caller.principal, below),
      exportName: null,
      caller: caller.credentials,
    });
    const answer = { status: 200, headers: {}, body: null, cold: false };
    return { answer, chosen };
  });
}

/** Calls a version that is in use when the runtime is reached: a retired one must not start again. */
async function run(
  parts: FunctionsParts,
  ctx: RequestContext,
  request: Request,
  call: Call,
  onPlaced: OnPlaced,
): Promise<Ran> {
  const { registry, specs } = parts.state(ctx.tenant);
  const { name } = call.found;
  for (;;) {
    const found = registry.get(name);
    if (!found) throw functionsErrors.function_not_found(name);
    const chosen = chooseVersion(found, call.keys);
    const known = specs.of(found, chosen.version);
    const spec = known instanceof Promise ? await known : known;
    if (registry.get(name) !== found) continue;
    const answer = await parts.runtimes[spec.runtime].invoke({
      tenant: ctx.tenant,
      requestId: ctx.id,
      spec,
      request: forwardRequest(request, ctx, found, call.caller.principal, call.below),
      exportName: call.exportName,
      caller: call.caller.credentials,
      onPlaced,
    });
    return { answer, chosen };
  }
}
