import { expect, test } from "bun:test";
import { makeSigningKey } from "./signing-key.ts";

test("no key's id can be taken for an option of a command line", async () => {
  // One thumbprint in 64 begins so.
  const made = await Promise.all(Array.from({ length: 400 }, () => makeSigningKey("EdDSA")));
  expect(made.filter(({ kid }) => kid.startsWith("-"))).toEqual([]);
});
