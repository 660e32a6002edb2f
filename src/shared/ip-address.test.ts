import { describe, expect, test } from "bun:test";
import { formatIp, inRange, limitedNetwork, parseIp, parseRange } from "./ip-address.ts";

const spelled = (text: string) => {
  const ip = parseIp(text);
  return ip && formatIp(ip);
};

test("each address has one spelling", () => {
  expect(spelled("192.0.2.1")).toBe("192.0.2.1");
  for (const text of ["::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:192.0.2.1"]) {
    expect(spelled(text)).toBe("192.0.2.1");
  }
  for (const text of ["2001:DB8:0:0:0:0:0:1", "2001:db8::1", "2001:0db8:0000::0001"]) {
    expect(spelled(text)).toBe("2001:db8::1");
  }
  expect(spelled("::")).toBe("::");
  expect(spelled("::1")).toBe("::1");
  expect(spelled("1::")).toBe("1::");
  expect(spelled("2001:db8:0:1:1:1:1:1")).toBe("2001:db8:0:1:1:1:1:1");
  expect(spelled("2001:0:0:1:0:0:0:1")).toBe("2001:0:0:1::1");
});

test("what is not exactly an address is none", () => {
  const wrong = ["", " ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "0x7f.0.0.1", "1.2.3.4 "];
  wrong.push("127.1", "2130706433", "1.2.3.-4", "١.2.3.4", ":", ":::", "1:2:3:4:5:6:7", "1::2::3");
  wrong.push("1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "g::1", "12345::", "::1.2.3.4:5");
  wrong.push("::1.2.3.256", "1.2.3.4::", "fe80::1%eth0", "[::1]", "localhost", ":1", "1:");
  for (const text of wrong) expect([text, parseIp(text)]).toEqual([text, null]);
});

test("a range holds its addresses and no others", () => {
  const holds = (range: string, ip: string) => {
    const [parsedRange, parsedIp] = [parseRange(range), parseIp(ip)];
    return parsedRange && parsedIp ? inRange(parsedIp, parsedRange) : null;
  };
  expect(holds("10.0.0.0/8", "10.255.255.255")).toBe(true);
  expect(holds("10.0.0.0/8", "11.0.0.0")).toBe(false);
  expect(holds("10.1.2.3", "10.1.2.3")).toBe(true);
  expect(holds("10.1.2.3", "10.1.2.4")).toBe(false);
  expect(holds("10.1.2.2/31", "10.1.2.3")).toBe(true);
  expect(holds("0.0.0.0/0", "255.1.1.1")).toBe(true);
  expect(holds("0.0.0.0/0", "::2")).toBe(false);
  expect(holds("10.0.0.0/8", "::ffff:10.1.1.1")).toBe(true);
  expect(holds("::ffff:10.0.0.0/104", "10.1.1.1")).toBe(true);
  expect(holds("2001:db8::/33", "2001:db8:7fff::1")).toBe(true);
  expect(holds("2001:db8::/33", "2001:db8:8000::1")).toBe(false);
  for (const bad of ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "x/8"]) {
    expect([bad, parseRange(bad)]).toEqual([bad, null]);
  }
});

describe("what limits per address count by", () => {
  test("is the /64 of an IPv6 address, so that a subscriber counts once", () => {
    expect(limitedNetwork("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(limitedNetwork("2001:db8:1:2:ffff::1")).toBe("2001:db8:1:2::/64");
    expect(limitedNetwork("2001:db8:1:3::1")).toBe("2001:db8:1:3::/64");
  });

  test.each(["192.0.2.7", "unix", "unknown"])("is %s itself", (address) => {
    expect(limitedNetwork(address)).toBe(address);
  });
});
