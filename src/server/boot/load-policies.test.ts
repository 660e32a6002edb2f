import { expect, test } from "bun:test";
import { principalFrom } from "../../shared/policy/read-tests.ts";
import { livePolicies } from "./load-policies.ts";

const config = (...policies: Record<string, unknown>[]) => ({ lists: { policies } });
const DENY = { name: "closed", effect: "deny", actions: ["functions:hello:invoke"] };

test("other policies are in force once they are put there, and bad ones never are", () => {
  const policies = livePolicies(config());
  const principal = principalFrom({}, () => undefined);
  if (!principal) throw new Error("nobody");
  const allowed = () => policies.decide({ principal, action: "functions:hello:invoke" }).allowed;
  expect(allowed()).toBe(true);
  const putInForce = policies.prepare(config(DENY));
  expect(allowed()).toBe(true);
  putInForce();
  expect(allowed()).toBe(false);
  expect(policies.explain({ principal, action: "functions:hello:invoke" }).policy).toBe("closed");
  expect(() => policies.prepare(config({ ...DENY, when: "nobody" }))).toThrow("cannot be used");
  const tests = [{ action: "functions:hello:invoke", expect: "allow" }];
  expect(() => policies.prepare(config({ ...DENY, tests }))).toThrow("expected allow");
  expect(allowed()).toBe(false);
});
