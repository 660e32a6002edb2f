import { expect, test } from "bun:test";
import { parseRange } from "../../shared/ip-address.ts";
import { type EgressPolicy, resolveTarget } from "./egress-policy.ts";

const ANY: EgressPolicy = { hosts: ["*"] };

function target(
  url: string,
  policy: EgressPolicy,
  addresses: readonly string[],
  open: readonly string[] = [],
) {
  const ranges = open.flatMap((text) => parseRange(text) ?? []);
  return resolveTarget(new URL(url), policy, ranges, async () => addresses);
}

test("a public host is reached at the address that was looked at, under its own name", async () => {
  expect(await target("https://api.example.com/x", ANY, ["93.184.215.14"])).toEqual({
    address: "93.184.215.14",
    host: "api.example.com",
  });
  expect((await target("https://api.example.com", ANY, ["2606:4700::1111"])).address).toBe(
    "[2606:4700::1111]",
  );
});

test.each([
  ["http://127.0.0.1/", []],
  ["http://0x7f.1/", []],
  ["http://2130706433/", []],
  ["http://[::1]/", []],
  ["http://[::ffff:127.0.0.1]/", []],
  ["http://[64:ff9b::7f00:1]/", []],
  ["http://169.254.169.254/latest/meta-data", []],
  ["http://[fd00:ec2::254]/", []],
  ["http://0.0.0.0/", []],
  ["http://localhost/", ["127.0.0.1"]],
  ["http://inside.example.com/", ["10.1.2.3"]],
  ["http://inside.example.com/", ["192.168.0.1"]],
  ["http://inside.example.com/", ["172.31.255.255"]],
  ["http://carrier.example.com/", ["100.64.0.1"]],
  ["http://link.example.com/", ["fe80::1"]],
  ["http://sixtofour.example.com/", ["2002:7f00:1::"]],
  ["http://multicast.example.com/", ["224.0.0.1"]],
  ["http://scoped.example.com/", ["fe80::1%eth0"]],
  ["http://nothing.example.com/", []],
] as const)("%s at %p is private", async (url, addresses) => {
  await expect(target(url, ANY, addresses)).rejects.toThrow("private network");
});

test("a name with one private address among public ones is rebound, so none is used", async () => {
  const addresses = ["93.184.215.14", "127.0.0.1"];
  await expect(target("http://rebind.example.com/", ANY, addresses)).rejects.toThrow("private");
});

test("an opened range is reached, and only it", async () => {
  const open = ["10.0.0.5", "192.168.7.0/24"];
  expect((await target("http://nas.example/", ANY, ["192.168.7.9"], open)).address).toBe(
    "192.168.7.9",
  );
  await expect(target("http://nas.example/", ANY, ["192.168.8.9"], open)).rejects.toThrow(
    "private",
  );
});

test("hosts are matched whole, below a wildcard at any depth, without case and final dot", async () => {
  const policy = { hosts: ["api.example.com", "*.example.org"] };
  const reach = async (url: string) =>
    await target(url, policy, ["93.184.215.14"]).then(
      () => true,
      () => false,
    );
  expect(await reach("https://API.example.com./")).toBe(true);
  expect(await reach("https://a.b.example.org/")).toBe(true);
  expect(await reach("https://example.org/")).toBe(false);
  expect(await reach("https://badexample.org/")).toBe(false);
  expect(await reach("https://api.example.com.evil.net/")).toBe(false);
  expect(await reach("https://evil.net/?api.example.com")).toBe(false);
});

test("no hosts at all is nowhere, and only http and https exist", async () => {
  await expect(target("https://example.com/", { hosts: [] }, ["93.184.215.14"])).rejects.toThrow(
    'add it to "egress"',
  );
  await expect(target("ftp://example.com/", ANY, ["93.184.215.14"])).rejects.toThrow("Only http");
});

test("a name that is rebound between looking and connecting gains nothing", async () => {
  const answers = [["93.184.215.14"], ["127.0.0.1"]];
  let looked = 0;
  const lookup = async () => answers[looked++] ?? ["127.0.0.1"];
  const ask = () => resolveTarget(new URL("http://rebound.example.com/"), ANY, [], lookup);
  expect((await ask()).address).toBe("93.184.215.14");
  expect(looked).toBe(1);
  expect(await ask().catch((error: Error) => error.message)).toContain("private network");
});
