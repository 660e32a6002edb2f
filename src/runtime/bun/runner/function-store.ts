/** A function's own keys and secrets, which the server keeps. */
import type { EgressClient } from "../../egress/egress-client.ts";
import { keyPath } from "../../key-path.ts";

export interface PutOptions {
  /** Seconds until it is gone. */
  readonly ttlS?: number;
  /** Only if this is the version that stands; 0 = only if there is none. */
  readonly ifVersion?: number;
}

export interface KeyStore {
  get(key: string): Promise<Uint8Array<ArrayBuffer> | null>;
  getText(key: string): Promise<string | null>;
  getJson(key: string): Promise<unknown>;
  /** With its version, for `ifVersion`. */
  entry(key: string): Promise<{ value: Uint8Array<ArrayBuffer>; version: number } | null>;
  /** Bytes and texts as they are, anything else as JSON. The new version, or null when `ifVersion` did not fit. */
  set(key: string, value: unknown, options?: PutOptions): Promise<number | null>;
  delete(key: string): Promise<boolean>;
  /** In byte order, at most 1,000; go on with `after`. */
  list(prefix?: string, options?: { after?: string; limit?: number }): Promise<string[]>;
}

export interface SecretStore {
  /** Null when there is none. Asked anew each time: a changed secret needs no deploy. */
  get(name: string): Promise<string | null>;
}

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

function askHost(egress: EgressClient): Ask {
  return (path, init) => {
    const { method, headers, body } = new Request(new URL(path, "http://localhost"), init);
    const head = { to: "host", url: path, method, headers: [...headers] } as const;
    return egress.send({ ...head, hasBody: body !== null }, body, null);
  };
}

export function createKeyStore(egress: EgressClient): KeyStore {
  const ask = askHost(egress);
  const read = async (key: string) => await found(await ask(keyPath(key)));
  return Object.freeze({
    get: async (key: string) => (await read(key))?.bytes() ?? null,
    getText: async (key: string) => (await read(key))?.text() ?? null,
    getJson: async (key: string) => (await read(key))?.json() ?? null,
    async entry(key: string) {
      const response = await read(key);
      return response && { value: await response.bytes(), version: versionOf(response) };
    },
    async set(key: string, value: unknown, options: PutOptions = {}) {
      const query = options.ttlS === undefined ? "" : `?ttl_s=${options.ttlS}`;
      const init = { method: "PUT", headers: condition(options.ifVersion), body: bodyOf(value) };
      const response = await ask(keyPath(key) + query, init);
      if (response.status === 412) return null;
      return versionOf((await found(response)) as Response);
    },
    delete: async (key: string) =>
      (await found(await ask(keyPath(key), { method: "DELETE" }))) !== null,
    async list(prefix = "", options: { after?: string; limit?: number } = {}) {
      const query = new URLSearchParams({ prefix });
      for (const [name, value] of Object.entries(options)) query.set(name, String(value));
      const response = await found(await ask(`/kv?${query}`));
      return ((await response?.json()) as { keys: string[] } | undefined)?.keys ?? [];
    },
  });
}

export function createSecretStore(egress: EgressClient): SecretStore {
  const ask = askHost(egress);
  return Object.freeze({
    async get(name: string) {
      const response = await found(await ask(`/secrets/${encodeURIComponent(name)}`));
      return (await response?.text()) ?? null;
    },
  });
}

function condition(ifVersion: number | undefined): Record<string, string> {
  if (ifVersion === undefined) return {};
  return ifVersion === 0 ? { "if-none-match": "*" } : { "if-match": `"${ifVersion}"` };
}

function bodyOf(value: unknown): BodyInit {
  if (typeof value === "string" || value instanceof Blob || value instanceof ArrayBuffer) {
    return value;
  }
  if (ArrayBuffer.isView(value)) return value as Uint8Array<ArrayBuffer>;
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new TypeError("The value cannot be stored");
  return json;
}

const versionOf = (response: Response) => Number(response.headers.get("etag")?.slice(1, -1));

/** Null for 404; throws what else was refused. */
async function found(response: Response): Promise<Response | null> {
  if (response.ok) return response;
  if (response.status === 404) return null;
  throw new Error(await response.text());
}
