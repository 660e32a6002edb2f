/**
 * The hosts that a function may send requests to, as people write them and as requests name them: in
 * lower case, in ASCII, without a final dot.
 */

const HOSTS_MAX = 64;

/** A host, every host below one, or every host. */
const HOST = /^(?:\*|(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])$/;

type ReadHost = { readonly host: string } | { readonly fault: string };

export function readEgressHost(given: string): ReadHost {
  if (given === "*") return { host: given };
  const below = given.startsWith("*.") ? "*." : "";
  const name = given.slice(below.length);
  const fault = faultOf(name);
  if (fault) return { fault: `"${given.slice(0, 64)}" ${fault}` };
  // Requests are judged by what a URL makes of their host.
  const ascii = URL.parse(`http://${name.replace(/\.$/, "")}/`)?.hostname ?? "";
  const host = below + ascii;
  return HOST.test(host) ? { host } : { fault: `"${given.slice(0, 64)}" is no host` };
}

function faultOf(name: string): string | null {
  if (name.includes("://")) return "has a scheme; a host is named alone";
  if (name.includes("*")) return 'has a * that is not "*" or "*." at its beginning';
  if (/^(?:\[[^\]]*\]|[^:]*):\d*$/.test(name)) return "has a port; a host is named without";
  return /[\s/?#@\\%]/.test(name) ? "is no host" : null;
}

/** All of them, or what is wrong with the first that is none. */
export function readEgressHosts(value: unknown): { hosts: string[] } | { fault: string } {
  const fault = `a list of at most ${HOSTS_MAX} hosts`;
  if (!Array.isArray(value) || value.length > HOSTS_MAX) return { fault };
  const hosts: string[] = [];
  for (const given of value as readonly unknown[]) {
    const read = typeof given === "string" ? readEgressHost(given) : { fault: "one is no text" };
    if ("fault" in read) return { fault: `${fault}: ${read.fault}` };
    hosts.push(read.host);
  }
  return { hosts };
}
