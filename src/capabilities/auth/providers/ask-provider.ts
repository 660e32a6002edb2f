/**
 * The one way in which requests leave for a provider. Their addresses come from the configuration or
 * from a provider's discovery document, so each is looked up, judged, and connected to at exactly the
 * address that was looked at (no private network but those of `auth.provider_networks`; no redirect
 * is followed; plain http only there). Bounded in time and in bytes.
 */
import { lookup as dnsLookup } from "node:dns/promises";
import type { Clock } from "../../../core/ports/clock.ts";
import { StartupError } from "../../../core/startup-error.ts";
import { resolveTarget } from "../../../runtime/egress/egress-policy.ts";
import { type IpRange, inRange, parseIp, parseRange } from "../../../shared/ip-address.ts";

export interface ProviderRequest {
  readonly url: string;
  /** Default GET. */
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ProviderReply {
  readonly status: number;
  /** Parsed JSON; undefined when it is none. */
  readonly json: unknown;
  readonly text: string;
}

/** Rejects with an Error that holds no secret: why there is no answer. */
export type AskProvider = (request: ProviderRequest) => Promise<ProviderReply>;

interface AskOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** `auth.provider_networks`. */
  readonly networks: readonly string[];
  readonly lookup?: (host: string) => Promise<readonly string[]>;
}

/** Key sets and discovery documents are a few KiB; SAML metadata of federations is not for us. */
const ANSWER_BYTES_MAX = 512 * 1024;
const ANYWHERE = { hosts: ["*"] };

const systemLookup = async (host: string) =>
  (await dnsLookup(host, { all: true })).map(({ address }) => address);

/** @throws StartupError for a network that is no range: a fault of the configuration */
export function createAskProvider(options: AskOptions): AskProvider {
  const ranges = options.networks.map((text) => {
    const range = parseRange(text);
    if (!range) {
      throw new StartupError({
        code: "config_invalid",
        message: `auth.provider_networks: ${text} is no address or range`,
        hint: "Write 10.0.0.5 or 10.0.0.0/8",
      });
    }
    return range;
  });
  const lookup = options.lookup ?? systemLookup;
  return async (request) => {
    const controller = new AbortController();
    const { signal } = controller;
    const expired = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
    );
    const cancel = options.clock.after(options.timeoutMs, () =>
      controller.abort(new Error(`no answer within ${options.timeoutMs} ms`)),
    );
    try {
      return await Promise.race([send(request, ranges, lookup, signal), expired]);
    } finally {
      cancel();
    }
  };
}

async function send(
  { url: text, method = "GET", headers = {}, body }: ProviderRequest,
  ranges: readonly IpRange[],
  lookup: (host: string) => Promise<readonly string[]>,
  signal: AbortSignal,
): Promise<ProviderReply> {
  const url = URL.parse(text);
  if (url?.username !== "" || url.password !== "") throw new Error("no URL to ask");
  const { address, host } = await target(url, ranges, lookup);
  const pinned = new URL(url);
  pinned.hostname = address;
  const answer = await fetch(pinned, {
    method,
    headers: { accept: "application/json", "user-agent": "Reactor", ...headers, host: url.host },
    ...(body === undefined ? {} : { body }),
    signal,
    redirect: "manual",
    tls: { serverName: host },
  } as RequestInit);
  const bytes = await readBounded(answer);
  return { status: answer.status, text: bytes, json: parseJson(bytes) };
}

async function target(
  url: URL,
  ranges: readonly IpRange[],
  lookup: (host: string) => Promise<readonly string[]>,
) {
  const found = await resolveTarget(url, ANYWHERE, ranges, lookup).catch((cause: unknown) => {
    throw new Error(`${url.hostname} is not to be reached; see auth.provider_networks`, { cause });
  });
  const ip = parseIp(found.address.replace(/^\[|\]$/g, ""));
  const isOpened = ip !== null && ranges.some((range) => inRange(ip, range));
  if (url.protocol !== "https:" && !isOpened) {
    throw new Error(`${url.hostname} is asked by https only; see auth.provider_networks`);
  }
  return found;
}

async function readBounded(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > ANSWER_BYTES_MAX) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
