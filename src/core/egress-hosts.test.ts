import { expect, test } from "bun:test";
import { readEgressHost, readEgressHosts } from "./egress-hosts.ts";
import { readFunctionSettings } from "./function-settings.ts";

test.each([
  ["*", "*"],
  ["LOCALHOST", "localhost"],
  ["API.Example.com", "api.example.com"],
  ["example.com.", "example.com"],
  ["*.Example.com.", "*.example.com"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["*.bücher.example", "*.xn--bcher-kva.example"],
  ["127.0.0.1", "127.0.0.1"],
  ["[::1]", "[::1]"],
  ["[FD00::1]", "[fd00::1]"],
])("%s is %s", (given, host) => {
  expect(readEgressHost(given)).toEqual({ host });
  expect(readEgressHost(host)).toEqual({ host });
});

test.each([
  ["example.com:443", "has a port"],
  ["[::1]:80", "has a port"],
  ["https://example.com", "has a scheme"],
  ["*.*.com", "has a *"],
  ["api.*.com", "has a *"],
  ["*.", "is no host"],
  ["", "is no host"],
  ["a b", "is no host"],
  ["example.com/path", "is no host"],
  ["me@example.com", "is no host"],
  ["::1", "is no host"],
  ["-", "is no host"],
])("%p is refused: it %s", (given, reason) => {
  expect(readEgressHost(given)).toEqual({ fault: expect.stringContaining(`"${given}" ${reason}`) });
});

test("a list names the first that is none", () => {
  expect(readEgressHosts(["A.example", "b.example"])).toEqual({
    hosts: ["a.example", "b.example"],
  });
  expect(readEgressHosts([1])).toEqual({ fault: "a list of at most 64 hosts: one is no text" });
  expect(readEgressHosts(Array(65).fill("*"))).toEqual({ fault: "a list of at most 64 hosts" });
});

test("a function's own hosts are kept as requests name them", () => {
  const { settings, faults } = readFunctionSettings({ egress: ["BÜCHER.example."] });
  expect([settings.egress, faults]).toEqual([["xn--bcher-kva.example"], []]);
  expect(readFunctionSettings({ egress: ["a.example", "b.example:443"] }).faults).toEqual([
    'egress must be a list of at most 64 hosts: "b.example:443" has a port; a host is named without',
  ]);
});
