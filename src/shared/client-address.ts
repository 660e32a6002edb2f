/**
 * The address of the client behind the proxies the operator named, for rate limits and the log. A
 * header counts only as far as a trusted proxy wrote it: from the right, as long as each speaker is
 * trusted. The first address that is not trusted is the client; what stands left of it is a claim.
 */
import { formatIp, type IpRange, inRange, parseIp, parseRange } from "./ip-address.ts";

/** From the peer's address (`unix` on a Unix socket) and the request's headers. */
export type AddressReader = (peer: string, headers: Headers) => string;

/** Entries looked at; a longer chain is not one of proxies. */
const HOPS_MAX = 64;

/**
 * @param trustedProxies `server.trusted_proxies`: addresses and CIDR ranges, and `unix` for the
 *   peer of a Unix socket. Empty = the peer's address always.
 * @throws RangeError naming an entry that is none of these.
 */
export function createAddressReader(trustedProxies: readonly string[]): AddressReader {
  const trusted = readTrusted(trustedProxies);
  if (trusted.length === 0 && !trustedProxies.includes("unix")) return (peer) => normal(peer);
  const isTrusted = (address: string) => {
    if (address === "unix") return trustedProxies.includes("unix");
    const ip = parseIp(address);
    return ip !== null && trusted.some((range) => inRange(ip, range));
  };
  return (peer, headers) => {
    const from = normal(peer);
    if (!isTrusted(from)) return from;
    const listed = headers.get("x-forwarded-for");
    const forwarded = headers.get("forwarded");
    const byList = listed === null ? null : walk(from, listed.split(","), isTrusted);
    if (forwarded === null) return byList ?? from;
    const byForwarded = walk(from, forwardedFor(forwarded), isTrusted);
    // A proxy writes one of the two and lets the client's own other one pass: which is unknown.
    return byList === null || byList === byForwarded ? byForwarded : from;
  };
}

function readTrusted(entries: readonly string[]): IpRange[] {
  const ranges: IpRange[] = [];
  for (const entry of entries) {
    if (entry === "unix") continue;
    const range = parseRange(entry);
    if (!range) throw new RangeError(`'${entry}' is not an IP address or CIDR range`);
    ranges.push(range);
  }
  return ranges;
}

/** The last address reached going left while each speaker is trusted. */
function walk(
  peer: string,
  entries: readonly string[],
  isTrusted: (address: string) => boolean,
): string {
  let client = peer;
  for (const entry of entries.slice(-HOPS_MAX).reverse()) {
    if (!isTrusted(client)) return client;
    const address = addressOf(entry.trim());
    // `unknown`, an obfuscated name or rubbish: the speaker is the last one known.
    if (address === null) return client;
    client = address;
  }
  return client;
}

/** The address of one entry, without port and brackets, in its one spelling. */
function addressOf(entry: string): string | null {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry);
  const withPort = /^([^:]*):\d{1,5}$/.exec(entry);
  const ip = parseIp(bracketed?.[1] ?? withPort?.[1] ?? entry);
  return ip && formatIp(ip);
}

/** The `for` values of `Forwarded` (RFC 7239), in order; elements without one count as unknown. */
function forwardedFor(header: string): string[] {
  const elements = header.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  return elements.map((element) => {
    const match = /(?:^|;)\s*for=(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))\s*(?:;|$)/i.exec(
      element.trim(),
    );
    return match?.[1]?.replace(/\\(.)/g, "$1") ?? match?.[2] ?? "";
  });
}

/** Requests come in runs from one peer, and the text of an address is parsed once a run. */
let lastPeer = "unix";
let lastNormal = "unix";

function normal(peer: string): string {
  if (peer !== lastPeer) {
    lastNormal = normalOf(peer);
    lastPeer = peer;
  }
  return lastNormal;
}

function normalOf(peer: string): string {
  // A link-local peer carries its zone (`fe80::1%eth0`).
  const ip = parseIp(peer.split("%")[0] ?? "");
  return ip ? formatIp(ip) : peer;
}
