/**
 * Where a function may send requests: hosts by name, and never into private networks unless the
 * operator opens them. Decided on what a name resolves to, and the connection is made to exactly the
 * address that was looked at, so a name that answers differently the second time gains nothing.
 */
import { type IpRange, inRange, parseIp, parseRange } from "../../shared/ip-address.ts";

export interface EgressPolicy {
  /** `api.example.com`, `*.example.com` (any depth below), `*`; empty = nowhere. Lower case. */
  readonly hosts: readonly string[];
}

/** Looks a name up; all its addresses. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** IANA special-purpose registries, IPv4 and IPv6; multicast; reserved. */
const NOT_PUBLIC: readonly IpRange[] = (
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 " +
  "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 " +
  "2001::/23 2001:db8::/32 2002::/16 3fff::/20"
)
  .split(" ")
  .flatMap((text) => parseRange(text) ?? []);
/** Global unicast; all other IPv6 is something else. */
const GLOBAL_V6 = parseRange("2000::/3") as IpRange;

/** Said to the function, and so to its author. */
export class EgressDenied extends Error {
  constructor(message: string) {
    super(message);
    this.name = "EgressDenied";
  }
}

export interface Target {
  /** Where to connect: an address, in brackets when it is IPv6. */
  readonly address: string;
  /** As the certificate must name it. */
  readonly host: string;
}

/**
 * @param openRanges private ranges that the operator opened.
 * Throws EgressDenied, or what the lookup throws.
 */
export async function resolveTarget(
  url: URL,
  policy: EgressPolicy,
  openRanges: readonly IpRange[],
  lookup: Lookup,
): Promise<Target> {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new EgressDenied(`Only http and https can be requested, not ${url.protocol}`);
  }
  const host = url.hostname.toLowerCase().replace(/\.$/, "");
  if (!isAllowed(host, policy.hosts)) {
    throw new EgressDenied(
      `${host} is not among the hosts this function may reach; add it to "egress" in its settings`,
    );
  }
  const bare = host.replace(/^\[|\]$/g, "");
  const addresses = parseIp(bare) ? [bare] : await lookup(host);
  const address = addresses.find((candidate) => isOpen(candidate, openRanges));
  // One private address among public ones is how a name is rebound: then none of them is trusted.
  if (address === undefined || !addresses.every((each) => isOpen(each, openRanges))) {
    throw new EgressDenied(
      `${host} is in a private network; the operator can open it with runtime.egress_private`,
    );
  }
  return { address: address.includes(":") ? `[${address}]` : address, host };
}

function isAllowed(host: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    if (pattern === "*") return true;
    return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern;
  });
}

function isOpen(address: string, openRanges: readonly IpRange[]): boolean {
  const ip = parseIp(address);
  if (!ip) return false;
  if (openRanges.some((range) => inRange(ip, range))) return true;
  if (ip.version === 6 && !inRange(ip, GLOBAL_V6)) return false;
  return !NOT_PUBLIC.some((range) => inRange(ip, range));
}
