/**
 * HTTP to one server: credentials, errors as exit codes, and the rule that an admin token never
 * crosses a network in the clear.
 */
import { CliError, type EXIT } from "./cli-error.ts";
import type { CommandContext } from "./command.ts";
import type { CliHost } from "./host.ts";
import { freshToken, type SendForm } from "./person.ts";
import { findTarget, isLoopback, type Target } from "./target.ts";
import { openTunnel } from "./tunnel.ts";

interface CallOptions {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Which credential to send; a person's login stands in for a key. Default `admin`. */
  readonly as?: "admin" | "key" | "nobody";
  /** Ends the call early, beside Ctrl-C. */
  readonly signal?: AbortSignal;
  /** The answer may take as long as it likes: streams, deploys. Default: 30 s. */
  readonly isLong?: boolean;
}

export interface ServerClient {
  readonly target: Target;
  /** The answer, whatever its status. @throws CliError for a server that cannot be reached */
  send(path: string, options?: CallOptions): Promise<Response>;
  /** The JSON answer. @throws CliError for every status of 400 and above */
  json<T>(path: string, options?: CallOptions): Promise<T>;
}

const TIMEOUT_MS = 30_000;

/** A client for the server that the command's options mean; `isNear` as in `findTarget`. */
export async function connect(context: CommandContext, isNear = false): Promise<ServerClient> {
  const target = findTarget(context, isNear);
  return clientFor(context.host, await reach(context, target));
}

/** Opens the tunnel if one is asked for. @throws CliError `insecure_target` (exit 2) */
async function reach(context: CommandContext, target: Target): Promise<Target> {
  if (target.tunnel !== null) {
    const tunnel = await openTunnel(context.host, target.tunnel, target.url);
    context.atEnd(() => tunnel.close());
    return { ...target, url: tunnel.url };
  }
  if (target.url.startsWith("https:") || isLoopback(target.url)) return target;
  throw new CliError(
    "config",
    "insecure_target",
    `${target.url} is another machine, reached without encryption`,
    "Use https, or reach it over SSH: --tunnel ssh://user@host --url http://127.0.0.1:7890",
  );
}

export function clientFor(host: CliHost, target: Target): ServerClient {
  const send = (path: string, options: CallOptions = {}) => call(host, target, path, options);
  return {
    target,
    send,
    async json<T>(path: string, options: CallOptions = {}) {
      const response = await send(path, options);
      if (response.status >= 400) throw await refusal(response);
      try {
        return (response.status === 204 ? null : await response.json()) as T;
      } catch (error) {
        throw networkFailure(target, error);
      }
    },
  };
}

async function call(
  host: CliHost,
  target: Target,
  path: string,
  options: CallOptions,
): Promise<Response> {
  const url = new URL(target.url + path);
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const headers = new Headers(options.headers);
  const credential = await credentialFor(host, target, options.as ?? "admin");
  if (credential !== null) headers.set("authorization", `Bearer ${credential}`);
  if (options.json !== undefined) headers.set("content-type", "application/json");
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const aborter = new AbortController();
  const cancelTimer = options.isLong
    ? () => {}
    : host.clock.after(TIMEOUT_MS, () => aborter.abort(new Error("timeout")));
  const signals = [aborter.signal, host.terminal.interrupted];
  const signal = AbortSignal.any(options.signal ? [...signals, options.signal] : signals);
  const init = { method: options.method ?? "GET", headers, signal, redirect: "manual" as const };
  try {
    const rest = { ...(body === undefined ? {} : { body: body as BodyInit }), timeout: false };
    return await fetch(url, { ...init, ...rest } as RequestInit);
  } catch (error) {
    throw networkFailure(target, error);
  } finally {
    cancelTimer();
  }
}

async function credentialFor(
  host: CliHost,
  target: Target,
  as: "admin" | "key" | "nobody",
): Promise<string | null> {
  if (as === "nobody") return null;
  const credential = as === "admin" ? target.adminToken : target.key;
  if (credential !== null) return credential;
  if (as === "key" && target.loginOf !== undefined) {
    return freshToken(host, target.loginOf, formSender(clientFor(host, target)));
  }
  const [needed, given] =
    as === "admin" ? ["admin token", "secret key"] : ["secret key", "admin token"];
  const other = as === "admin" ? target.key : target.adminToken;
  const instead = other === null ? "" : `; the ${given} does not do for this`;
  throw new CliError(
    "auth",
    "auth_required",
    `There is no ${needed} for ${target.url}${instead}`,
    "Give one with --token or REACTOR_TOKEN, or save it with `reactor login`",
  );
}

/** The error a server's answer means. */
export async function refusal(response: Response): Promise<CliError> {
  const text = await response.text().catch(() => "");
  let body: { code?: unknown; message?: unknown; details?: unknown; hint?: unknown } = {};
  try {
    body = (JSON.parse(text) ?? {}) as typeof body;
  } catch {
    // A proxy's page, not the server's answer: the status has to do.
  }
  const code = typeof body.code === "string" ? body.code : `http_${response.status}`;
  const said = typeof body.message === "string" ? body.message : `HTTP ${response.status}`;
  const details = typeof body.details === "string" ? `${said}: ${body.details}` : said;
  const hint = typeof body.hint === "string" ? body.hint : null;
  return new CliError(exitFor(response.status), code, details, hint);
}

export function exitFor(status: number): keyof typeof EXIT {
  if (status === 401 || status === 403) return "auth";
  if (status === 404) return "user";
  if (status === 429 || status >= 500) return "server";
  return status >= 400 ? "validation" : "server";
}

export function networkFailure(target: Target, error: unknown): CliError {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  if (message === "timeout") {
    return new CliError("network", "timeout", `${target.url} did not answer in time`);
  }
  if ((error as Error).name === "AbortError") {
    return new CliError("user", "interrupted", "Interrupted");
  }
  const isRefused = /ConnectionRefused|ECONNREFUSED|FailedToOpenSocket/.test(`${code} ${message}`);
  if (!isRefused) {
    const what = message.replace(/ For more information, .*$/, "") || code;
    return new CliError("network", "network_error", `${target.url}: ${what}`);
  }
  return new CliError(
    "network",
    "connection_refused",
    `No server answers at ${target.url} (${target.from})`,
    "Start one with `reactor serve`, or choose another with --url or --context",
  );
}

/** Sends forms to the OAuth endpoints, which want no other credential. */
export function formSender(client: ServerClient): SendForm {
  return (path, fields) =>
    client.send(path, {
      method: "POST",
      as: "nobody",
      body: new TextEncoder().encode(new URLSearchParams(fields).toString()),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
}

/**
 * A client that also has the project's secret key, asked of the server when it is not known; or a
 * person's login, where that is all there is. With `data.db_uri` there is no key.
 */
export async function connectWithKey(context: CommandContext): Promise<ServerClient> {
  const client = await connect(context);
  const { key, adminToken, loginOf } = client.target;
  if (key !== null || (adminToken === null && loginOf !== undefined)) return client;
  const status = await client.json<{ secret_key: string }>("/_admin/status");
  return clientFor(context.host, { ...client.target, key: status.secret_key || null });
}
