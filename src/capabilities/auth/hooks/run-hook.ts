/**
 * Runs a hook of the project: an SQL function, a function of this server, or a signed request to an
 * address, with GoTrue's payloads, so that hooks written for it work as they are. What a hook
 * answers in `error` is what the client is told.
 */
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { JsonObject } from "../schema.ts";
import { callWebhook } from "./call-webhook.ts";
import type { HookName } from "./config.ts";
import { callSqlHook } from "./hook-store.ts";
import type { Hook, HookTarget } from "./hook-target.ts";

export type HookOutput = Readonly<Record<string, unknown>>;

/** What `metadata.name` says. */
const PUBLISHED_NAMES: Readonly<Record<HookName, string>> = {
  before_user_created: "before-user-created",
  custom_access_token: "customize-access-token",
  password_verification_attempt: "password-verification",
  mfa_verification_attempt: "mfa-verification",
  send_email: "send-email",
  send_sms: "send-sms",
};

const STATEMENT_TIMEOUT = "57014";

/**
 * What the hook answered; null when none is configured. Call it outside of a transaction: a hook may
 * take seconds.
 * @param payload without `metadata`; values as they go into JSON.
 * @param address of the caller, for `metadata.ip_address`; "" = not told.
 * @throws the hook's own `error`, hook_timeout, hook_timeout_after_retry,
 *   hook_payload_over_size_limit, hook_payload_invalid_content_type, unexpected_failure
 */
export async function runHook(
  state: AuthState,
  tenant: TenantCtx,
  name: HookName,
  payload: Readonly<Record<string, unknown>>,
  address = "",
): Promise<HookOutput | null> {
  const hook = state.hooks.get(name);
  if (!hook) return null;
  const { clock, log } = state.deps;
  const startedAt = clock.monotonic();
  const told = () => ({
    hook: name,
    kind: hook.target.kind,
    duration_ms: Math.round(clock.monotonic() - startedAt),
  });
  try {
    const input = JSON.stringify({ metadata: metadata(state, name, address), ...payload });
    const output = readOutput(await call(state, tenant, hook, input));
    log.debug("auth.hook_ran", told());
    return output;
  } catch (error) {
    log.warn("auth.hook_failed", { ...told(), error });
    throw error;
  }
}

function metadata(state: AuthState, name: HookName, address: string) {
  return {
    uuid: state.deps.ids.uuid(),
    time: state.now().toISOString(),
    name: PUBLISHED_NAMES[name],
    ...(address === "" ? {} : { ip_address: address }),
  };
}

async function call(
  state: AuthState,
  tenant: TenantCtx,
  { target, timeoutMs }: Hook,
  input: string,
): Promise<string | null> {
  if (target.kind === "sql") return callSql(state, tenant, target, timeoutMs, input);
  if (target.kind === "function") return callFunction(state, tenant, target, timeoutMs, input);
  const secrets = await target.secrets(tenant);
  return callWebhook(state.deps, { url: target.url, secrets, body: input, timeoutMs });
}

async function callSql(
  state: AuthState,
  tenant: TenantCtx,
  target: Extract<HookTarget, { kind: "sql" }>,
  timeoutMs: number,
  input: string,
): Promise<string | null> {
  try {
    const event = JSON.parse(input) as JsonObject;
    return await callSqlHook(state.sql(tenant), target, event, timeoutMs);
  } catch (error) {
    if ((error as { code?: string }).code === STATEMENT_TIMEOUT) {
      throw authErrors.hook_timeout(timeoutMs / 1000);
    }
    throw authErrors.hook_failed(`Error running hook URI: ${target.schema}.${target.name}`, error);
  }
}

/** Through the socket on which this server's own children reach it, so functions may run elsewhere. */
async function callFunction(
  state: AuthState,
  tenant: TenantCtx,
  target: Extract<HookTarget, { kind: "function" }>,
  timeoutMs: number,
  input: string,
): Promise<string | null> {
  const { secretKey } = await state.deps.project(tenant);
  return callWebhook(state.deps, {
    url: `http://localhost/fn/v1/${target.name}`,
    socket: state.deps.server.gatewaySocket,
    secrets: await target.secrets(tenant),
    headers: { authorization: `Bearer ${secretKey}` },
    body: input,
    timeoutMs,
  });
}

function readOutput(text: string | null): HookOutput {
  const output = text === null ? {} : parse(text);
  const { error } = output as { error?: { http_code?: unknown; message?: unknown } | null };
  const message = error?.message;
  if (typeof message !== "string" || message === "") return output;
  throw authErrors.hook_refused(statusOf(error?.http_code), message.slice(0, 1000));
}

function parse(text: string): HookOutput {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw authErrors.hook_failed("Error unmarshaling JSON output.", cause);
  }
  if (value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as HookOutput;
  throw authErrors.hook_failed("Error unmarshaling JSON output.");
}

function statusOf(code: unknown): number {
  const isStatus = Number.isInteger(code) && (code as number) >= 400 && (code as number) <= 599;
  return isStatus ? (code as number) : 500;
}
