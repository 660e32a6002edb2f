import { describe, expect, test } from "bun:test";
import { createAddressReader } from "./client-address.ts";

const trusted = ["10.0.0.0/8", "2001:db8:ffff::/48", "unix"];
const ask = (peer: string, headers: Record<string, string>, proxies: readonly string[] = trusted) =>
  createAddressReader(proxies)(peer, new Headers(headers));
const xff = (value: string) => ({ "X-Forwarded-For": value });
const fwd = (value: string) => ({ Forwarded: value });

describe("the client's address", () => {
  test("is the peer's when no proxy is trusted, whatever the headers say", () => {
    const spoof = { ...xff("1.1.1.1"), ...fwd("for=1.1.1.1"), "X-Real-IP": "1.1.1.1" };
    expect(ask("198.51.100.7", spoof, [])).toBe("198.51.100.7");
    expect(ask("198.51.100.7", spoof)).toBe("198.51.100.7");
    expect(ask("::ffff:198.51.100.7", spoof)).toBe("198.51.100.7");
    expect(ask("fe80::1%eth0", {})).toBe("fe80::1");
    expect(ask("unix", xff("1.1.1.1"), ["10.0.0.0/8"])).toBe("unix");
  });

  test("is the last entry that no trusted proxy owns", () => {
    expect(ask("10.0.0.1", xff("203.0.113.9"))).toBe("203.0.113.9");
    expect(ask("10.0.0.1", xff("203.0.113.9, 10.2.3.4"))).toBe("203.0.113.9");
    expect(ask("::ffff:10.0.0.1", xff("203.0.113.9,::ffff:10.2.3.4"))).toBe("203.0.113.9");
    expect(ask("2001:db8:ffff::1", xff("2001:DB8:1:0::5"))).toBe("2001:db8:1::5");
    expect(ask("unix", xff("203.0.113.9"))).toBe("203.0.113.9");
    expect(ask("10.0.0.1", xff("10.0.0.2, 10.0.0.3"))).toBe("10.0.0.2");
    expect(ask("10.0.0.1", {})).toBe("10.0.0.1");
  });

  test("is not what the client wrote left of it", () => {
    for (const claim of ["1.1.1.1", "10.9.9.9", "127.0.0.1", "unknown", "", "::1", "1.1.1.1, x"]) {
      expect(ask("10.0.0.1", xff(`${claim}, 203.0.113.9`))).toBe("203.0.113.9");
      expect(ask("10.0.0.1", xff(`${claim}, 203.0.113.9, 10.0.0.2`))).toBe("203.0.113.9");
    }
    const repeated = new Headers([
      ["x-forwarded-for", "1.1.1.1"],
      ["X-FORWARDED-FOR", "203.0.113.9"],
    ]);
    expect(createAddressReader(trusted)("10.0.0.1", repeated)).toBe("203.0.113.9");
    expect(ask("10.0.0.1", xff(`${"10.0.0.2, ".repeat(500)}203.0.113.9`))).toBe("203.0.113.9");
  });

  test("is the last known speaker when an entry is no address", () => {
    for (const entry of [
      "unknown",
      "_hidden",
      "",
      "localhost",
      "010.0.0.1",
      "0x0a000001",
      "1.1.1",
    ]) {
      expect(ask("10.0.0.1", xff(entry))).toBe("10.0.0.1");
      expect(ask("10.0.0.1", xff(`1.1.1.1, ${entry}, 10.0.0.2`))).toBe("10.0.0.2");
    }
  });

  test("is read without its port", () => {
    expect(ask("10.0.0.1", xff("203.0.113.9:4711"))).toBe("203.0.113.9");
    expect(ask("10.0.0.1", xff("[2001:db8::5]:4711"))).toBe("2001:db8::5");
    expect(ask("10.0.0.1", xff("[2001:db8::5]"))).toBe("2001:db8::5");
  });

  test("is read from Forwarded as RFC 7239 writes it", () => {
    expect(ask("10.0.0.1", fwd("for=203.0.113.9;proto=https"))).toBe("203.0.113.9");
    expect(ask("10.0.0.1", fwd('For="[2001:db8::5]:4711"'))).toBe("2001:db8::5");
    expect(ask("10.0.0.1", fwd("by=10.0.0.1; for=203.0.113.9, for=10.0.0.2"))).toBe("203.0.113.9");
    expect(ask("10.0.0.1", fwd('for=1.1.1.1, for="203.0.113.9:80"'))).toBe("203.0.113.9");
    expect(ask("10.0.0.1", fwd('for="x, for=1.1.1.1"'))).toBe("10.0.0.1");
    expect(ask("10.0.0.1", fwd("for=1.1.1.1, proto=https"))).toBe("10.0.0.1");
    expect(ask("10.0.0.1", fwd("for=unknown"))).toBe("10.0.0.1");
  });

  test("is the proxy's when both headers are there and disagree", () => {
    expect(ask("10.0.0.1", { ...xff("203.0.113.9"), ...fwd("for=1.1.1.1") })).toBe("10.0.0.1");
    const both = { ...xff("203.0.113.9"), ...fwd("for=203.0.113.9") };
    expect(ask("10.0.0.1", both)).toBe("203.0.113.9");
  });

  test("cannot be asked for with a proxy that is no address", () => {
    expect(() => createAddressReader(["10.0.0.0/8", "proxy.local"])).toThrow("proxy.local");
  });
});
