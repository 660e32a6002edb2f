import { expect, test } from "bun:test";
import { egressHosts } from "./parts.ts";

test("hosts of the server's settings are kept as requests name them, or refused with the reason", () => {
  expect(egressHosts({ egress: ["LOCALHOST", "*.Example.com."] })).toEqual([
    "localhost",
    "*.example.com",
  ]);
  expect(() => egressHosts({ egress: ["http://x.com"] })).toThrow(
    'runtime.egress must be a list of at most 64 hosts: "http://x.com" has a scheme',
  );
});
