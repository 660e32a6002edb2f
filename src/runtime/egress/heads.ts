/** The JSON at the head of a request over a link and of its answer. */
import { textIn } from "../link/frame-link.ts";

export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface RequestHead {
  /**
   * `server`: this server's own surface, `url` is a path. `service`: the same with the rights of the
   * server's secret key, where the function has them. `host`: what only functions may ask, a path too.
   * `web`: an absolute URL.
   */
  readonly to: "server" | "service" | "host" | "web";
  readonly url: string;
  readonly method: string;
  readonly headers: HeaderList;
  readonly hasBody: boolean;
  /** Whose request it is, where one child serves several functions. */
  readonly key?: string;
  /** For `server`: number of the call in whose caller's name it is asked; without one, in nobody's. */
  readonly call?: number;
}

const DESTINATIONS: ReadonlySet<unknown> = new Set(["server", "service", "host", "web"]);

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
}

/** What `Response` takes: a server out there may say any number of three digits. */
export function isAnswerStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599;
}

export function strangeStatus(status: number): TypeError {
  return new TypeError(`The answer has the status ${status}, which is none from 200 to 599`);
}

/** Null for anything that is not exactly a head: it comes from a process that runs others' code. */
export function readRequestHead(payload: Uint8Array): RequestHead | null {
  let head: unknown;
  try {
    head = JSON.parse(textIn(payload));
  } catch {
    return null;
  }
  const { to, url, method, headers, hasBody, key, call } = { ...(head as Partial<RequestHead>) };
  if (to === undefined || !DESTINATIONS.has(to) || typeof url !== "string") return null;
  if (typeof method !== "string" || typeof hasBody !== "boolean") return null;
  if (!/^[A-Za-z]{1,32}$/.test(method) || !isHeaderList(headers)) return null;
  if (call !== undefined && !Number.isSafeInteger(call)) return null;
  return {
    ...{ to, url, method: method.toUpperCase(), headers, hasBody },
    ...(typeof key === "string" ? { key } : {}),
    ...(call === undefined ? {} : { call }),
  };
}

function isHeaderList(value: unknown): value is HeaderList {
  if (!Array.isArray(value)) return false;
  return value.every(
    (pair: unknown) =>
      Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === "string"),
  );
}
