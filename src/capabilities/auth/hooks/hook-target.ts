/** From a hook's setting to what is called: read at the start, so that a mistake is told there. */
import { StartupError } from "../../../core/startup-error.ts";
import type { HookName, HooksConfig } from "./config.ts";
import { readSecrets } from "./sign-webhook.ts";

export type HookTarget =
  | { readonly kind: "sql"; readonly schema: string; readonly name: string }
  | { readonly kind: "function"; readonly name: string; readonly secrets: readonly Uint8Array[] }
  | { readonly kind: "webhook"; readonly url: string; readonly secrets: readonly Uint8Array[] };

export interface Hook {
  readonly target: HookTarget;
  /** Of all tries together. */
  readonly timeoutMs: number;
}

export type Hooks = ReadonlyMap<HookName, Hook>;

const SQL_TIMEOUT_MS = 2000;
const HTTP_TIMEOUT_MS = 5000;
const SQL_URI =
  /^pg-functions:\/\/[^/]+\/([A-Za-z_][A-Za-z0-9_$]{0,62})\/([A-Za-z_][A-Za-z0-9_$]{0,62})$/;
const FUNCTION_URI = /^function:([a-z][a-z0-9_-]{0,62})$/;
const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** @throws StartupError config_invalid */
export function readHooks(config: HooksConfig): Hooks {
  const hooks = new Map<HookName, Hook>();
  for (const [name, { uri, secrets, timeout_ms: timeoutMs }] of Object.entries(config)) {
    if (uri === "") continue;
    const target = readTarget(`auth.hooks.${name}`, uri, secrets);
    const usual = target.kind === "sql" ? SQL_TIMEOUT_MS : HTTP_TIMEOUT_MS;
    hooks.set(name as HookName, { target, timeoutMs: timeoutMs === 0 ? usual : timeoutMs });
  }
  return hooks;
}

function readTarget(key: string, uri: string, secretsText: string): HookTarget {
  const [, schema, sqlName] = SQL_URI.exec(uri) ?? [];
  if (schema !== undefined && sqlName !== undefined) return { kind: "sql", schema, name: sqlName };
  const secrets = readSecrets(`${key}.secrets`, secretsText);
  const name = FUNCTION_URI.exec(uri)?.[1];
  if (name !== undefined) return { kind: "function", name, secrets };
  return { kind: "webhook", url: requireHttps(`${key}.uri`, uri), secrets: needed(key, secrets) };
}

/** `https:`, or `http:` on this machine: what a hook is told is nobody else's to read. */
export function requireHttps(key: string, text: string): string {
  const url = URL.parse(text);
  const isSafe =
    url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.test(url.hostname));
  if (url && isSafe && url.username === "") return url.href;
  throw new StartupError({
    code: "config_invalid",
    message: `${key} is '${text.slice(0, 100)}', which is nothing that can be called`,
    hint: "Give an https: address (http: on this machine); hooks also take pg-functions://postgres/<schema>/<function> and function:<name>",
  });
}

function needed(key: string, secrets: readonly Uint8Array[]): readonly Uint8Array[] {
  if (secrets.length > 0) return secrets;
  throw new StartupError({
    code: "config_invalid",
    message: `${key} calls an address and has no secret`,
    hint: `Set ${key}.secrets to v1,whsec_<base64 of 24 to 64 random bytes>, so that the receiver can tell who calls`,
  });
}
