/** From a hook's setting to what is called: read at the start, so that a mistake is told there. */
import type { Vault } from "../../../core/ports/vault.ts";
import { StartupError } from "../../../core/startup-error.ts";
import type { HookName, HooksConfig } from "./config.ts";
import { readSecrets, type SigningSecrets } from "./sign-webhook.ts";

export type HookTarget =
  | { readonly kind: "sql"; readonly schema: string; readonly name: string }
  | { readonly kind: "function"; readonly name: string; readonly secrets: SigningSecrets }
  | { readonly kind: "webhook"; readonly url: string; readonly secrets: SigningSecrets };

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
export function readHooks(config: HooksConfig, vault: Vault): Hooks {
  const hooks = new Map<HookName, Hook>();
  for (const [name, { uri, secrets, timeout_ms: timeoutMs }] of Object.entries(config)) {
    if (uri === "") continue;
    const target = readTarget(`auth.hooks.${name}`, uri, secrets, vault);
    const usual = target.kind === "sql" ? SQL_TIMEOUT_MS : HTTP_TIMEOUT_MS;
    hooks.set(name as HookName, { target, timeoutMs: timeoutMs === 0 ? usual : timeoutMs });
  }
  return hooks;
}

function readTarget(key: string, uri: string, secretsText: string, vault: Vault): HookTarget {
  const [, schema, sqlName] = SQL_URI.exec(uri) ?? [];
  if (schema !== undefined && sqlName !== undefined) return { kind: "sql", schema, name: sqlName };
  const secrets = readSecrets(`${key}.secrets`, secretsText, vault);
  const name = FUNCTION_URI.exec(uri)?.[1];
  if (name !== undefined) return { kind: "function", name, secrets };
  const url = requireHttps(`${key}.uri`, uri);
  if (secretsText === "") throw secretNeeded(key);
  return { kind: "webhook", url, secrets };
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

function secretNeeded(key: string): StartupError {
  return new StartupError({
    code: "config_invalid",
    message: `${key} calls an address and has no secret`,
    hint: `Set ${key}.secrets to v1,whsec_<base64 of 24 to 64 random bytes>, so that the receiver can tell who calls`,
  });
}
