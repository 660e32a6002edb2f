/**
 * IP addresses as numbers, read strictly: four decimal parts without leading zeros, or RFC 4291
 * text. An address with two spellings would be two rate-limit keys and two trust decisions, so
 * everything leaves here in one spelling, and IPv4-mapped IPv6 is IPv4.
 */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly bits: bigint;
}

export interface IpRange extends IpAddress {
  /** Leading bits that must match. */
  readonly prefix: number;
}

const MAPPED_V4 = 0xffffn;

/** Null for anything that is not exactly an address. */
export function parseIp(text: string): IpAddress | null {
  const v4 = parseV4(text);
  if (v4 !== null) return { version: 4, bits: v4 };
  const v6 = parseV6(text);
  if (v6 === null) return null;
  if (v6 >> 32n === MAPPED_V4) return { version: 4, bits: v6 & 0xffff_ffffn };
  return { version: 6, bits: v6 };
}

/** `10.0.0.0/8`, `2001:db8::/32`, or a single address. Null when it is neither. */
export function parseRange(text: string): IpRange | null {
  const [address = "", prefixText, ...more] = text.split("/");
  const ip = parseIp(address);
  if (!ip || more.length > 0) return null;
  const width = ip.version === 4 ? 32 : 128;
  if (prefixText === undefined) return { ...ip, prefix: width };
  if (!/^\d{1,3}$/.test(prefixText)) return null;
  // A prefix of a mapped address counts the 96 bits before the IPv4 part.
  const isMapped = ip.version === 4 && address.includes(":");
  const prefix = Number(prefixText) - (isMapped ? 96 : 0);
  return prefix >= 0 && prefix <= width ? { ...ip, prefix } : null;
}

export function inRange(ip: IpAddress, range: IpRange): boolean {
  if (ip.version !== range.version) return false;
  const rest = BigInt((ip.version === 4 ? 32 : 128) - range.prefix);
  return ip.bits >> rest === range.bits >> rest;
}

/** The one spelling: dotted decimal, or RFC 5952. */
export function formatIp({ version, bits }: IpAddress): string {
  if (version === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn)).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(":");
  const head = groups.slice(0, zeros.start).join(":");
  return `${head}::${groups.slice(zeros.start + zeros.length).join(":")}`;
}

/**
 * What limits per address count by: an IPv6 subscriber is given 2^64 addresses or more (RFC 6177), so
 * one of them says nothing; its /64 does. Anything that is no address stays as it is.
 */
export function limitedNetwork(address: string): string {
  const ip = parseIp(address);
  if (ip?.version !== 6) return address;
  return `${formatIp({ version: 6, bits: (ip.bits >> 64n) << 64n })}/64`;
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === "0") end += 1;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

function parseV4(text: string): bigint | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return null;
  let bits = 0n;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith("0"))) return null;
    bits = (bits << 8n) | BigInt(part);
  }
  return bits;
}

function parseV6(text: string): bigint | null {
  const halves = text.split("::");
  if (halves.length > 2 || text.length > 45) return null;
  const whole = halves.length === 1;
  const head = groupsOf(halves[0] ?? "", whole);
  const tail = whole ? [] : groupsOf(halves[1] ?? "", true);
  if (!head || !tail) return null;
  const missing = 8 - head.length - tail.length;
  if (whole ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array<bigint>(missing).fill(0n), ...tail];
  return groups.reduce((bits, group) => (bits << 16n) | group, 0n);
}

/** The 16-bit groups of a half; a dotted part at the very end of the address is two. */
function groupsOf(half: string, endsAddress: boolean): bigint[] | null {
  if (half === "") return [];
  const groups: bigint[] = [];
  const parts = half.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(BigInt(`0x${part}`));
      continue;
    }
    const v4 = endsAddress && i === parts.length - 1 ? parseV4(part) : null;
    if (v4 === null) return null;
    groups.push(v4 >> 16n, v4 & 0xffffn);
  }
  return groups;
}
