import { describe, expect, test } from "bun:test";
import type { Principal } from "../../core/ports/auth.ts";
import { attributesOf } from "./attributes.ts";
import { evaluate } from "./evaluate.ts";
import type { Value } from "./expression.ts";
import { ExpressionError } from "./expression.ts";
import { loadPolicies } from "./load-policies.ts";
import { parseExpression } from "./parse-expression.ts";

const ada: Principal = {
  role: "authenticated",
  userId: "018f3a5e-0000-7000-8000-000000000001",
  claims: JSON.stringify({
    ...{ email: "ada@example.test", aal: "aal2", org_id: "o1", org_role: "admin", teams: ["t1"] },
    permissions: ["functions:*:invoke"],
    app_metadata: { level: 3, "odd name": "x", nested: { flag: true } },
    __proto__: null,
  }),
  expiresAt: Infinity,
};
const nobody: Principal = { role: "anon", userId: null, claims: '{"role":"anon"}', expiresAt: 0 };
const agent: Principal = { ...ada, keyId: "k1", scopes: ["functions:hello:invoke"] };
const action = "functions:hello:invoke";

const worth = (source: string, principal: Principal = ada): Value | string => {
  const given = attributesOf({ principal, action, request: { method: "POST", address: "::1" } });
  try {
    return evaluate(parseExpression(source), given);
  } catch (error) {
    if (error instanceof ExpressionError) return `error: ${error.message}`;
    throw error;
  }
};

describe("an expression", () => {
  const cases: [string, Value][] = [
    ["true", true],
    ["!true", false],
    ["!!true", true],
    ["true || false && false", true],
    ["(true || false) && false", false],
    ["1 < 2", true],
    ["-1.5 >= -1.5", true],
    ['"a" < "b"', true],
    [`'it\\'s' == "it's"`, true],
    ['"a\\"b\\\\" == \'a"b\\\\\'', true],
    ['principal.role == "authenticated"', true],
    ['principal.org_role in ["owner", "admin"]', true],
    ['"t2" in principal.teams', false],
    ["null in [null]", true],
    ["principal.org_slug == null", true],
    ["principal.app_metadata.level > 2", true],
    ['principal.app_metadata["odd name"] == "x"', true],
    ["principal.app_metadata.nested.flag", true],
    ["principal.app_metadata.missing.deeper == null", true],
    ["principal.app_metadata.toString == null", true],
    ["principal.claims.__proto__ == null", true],
    ["principal.claims.constructor == null", true],
    ['action.verb == "invoke" && action.resource == "hello" && action.area == "functions"', true],
    ['request.method == "POST"', true],
    ['permits(principal.permissions, "functions:x:invoke")', true],
    ['permits(principal.permissions, "functions:*:delete")', false],
    ['endsWith(lower(principal.email), "@example.test")', true],
    ['startsWith("abc", "b")', false],
    ['contains("abc", "b")', true],
    ["size(principal.teams) == 1", true],
    // What is not needed is not looked at.
    ["false && 1 == [1]", false],
    ["true || principal.app_metadata > 1", true],
  ];
  test.each(cases)("%s is %p", (source, value) => {
    expect(worth(source)).toEqual(value);
  });

  test.each([
    "principal.app_metadata.level && true",
    "!1",
    "1 < 'a'",
    "null < 1",
    "principal.app_metadata.missing > 1",
    "1 in 1",
    "1 in null",
    "[1] == [1]",
    "principal.app_metadata == null",
    "startsWith(1, 'a')",
    "size(null) == 0",
    "permits('*', 'a:b:c')",
  ])("%s is an error, never false", (source) => {
    expect(worth(source)).toStartWith("error: ");
  });

  const faults: [string, string, number][] = [
    ["", "expected a value, got the end", 0],
    ["true true", "expected an operator or the end, got true", 5],
    ["1 == 2 == 3", "expected an operator or the end, got ==", 7],
    ["(true", "expected ')', got the end", 5],
    ["'open", `unexpected "'"`, 0],
    ["true # no", 'unexpected "#"', 5],
    ["user.id == 1", "there is no name user", 0],
    ["principl.id", "there is no name principl; did you mean principal?", 0],
    ["principal", "principal alone is no value", 0],
    ["principal.rol == 'x'", "no attribute principal.rol; did you mean principal.role?", 0],
    ["principal.role.x", "principal.role has no members", 0],
    ["principal[role]", "expected a name in quotes", 10],
    ["constructor.name", "there is no name constructor", 0],
    ["principal.__proto__", "there is no attribute principal.__proto__", 0],
    ["startWith('a', 'b')", "there is no function startWith; did you mean startsWith?", 0],
    ["size()", "size takes 1 values", 0],
    ["1e5 == 1", 'unexpected "1"', 0],
    ["1.2.3 == 1", 'unexpected "1"', 0],
    ["a = 1", 'unexpected "="', 2],
    [`${"(".repeat(40)}true${")".repeat(40)}`, "nested deeper than 32 levels", 32],
    [`${"true || ".repeat(200)}true`, "more than 256 parts", -1],
    ["x".repeat(2001), "longer than 2000 characters", 2000],
  ];
  test.each(faults)("%j is refused where the fault is", (source, message, at) => {
    try {
      parseExpression(source);
    } catch (error) {
      const fault = error as ExpressionError;
      expect(fault).toBeInstanceOf(ExpressionError);
      expect(fault.message).toContain(message);
      if (at >= 0) expect(fault.at).toBe(at);
      return;
    }
    throw new Error(`${source} was taken`);
  });

  test("of any text is read or refused, and leaves the language as it was", () => {
    const parts = [
      "principal",
      ".",
      "role",
      "==",
      "'x'",
      "(",
      ")",
      "[",
      "]",
      "!",
      "&&",
      "||",
      "in",
    ];
    parts.push("1", ",", "true", "null", "claims", "size", '"', "\\", " ", "\n", "é", "__proto__");
    let seed = 11;
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor(seed / 65_536) % below;
    };
    for (let n = 0; n < 20_000; n += 1) {
      const source = Array.from({ length: next(14) }, () => parts[next(parts.length)]).join("");
      worth(source);
    }
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });
});

const load = (...list: Record<string, unknown>[]) => loadPolicies(list);
const decide = (list: Record<string, unknown>[], principal = ada, asked = action) => {
  const { policies, faults } = load(...list);
  expect(faults).toEqual([]);
  return policies.decide({ principal, action: asked });
};
const hello = { actions: ["functions:hello:invoke"] };

describe("policies", () => {
  test("that are about nothing of this allow it", () => {
    expect(decide([])).toEqual({ allowed: true, policy: null });
    const other = { name: "other", effect: "allow", actions: ["functions:other:invoke"] };
    expect(decide([{ ...other, when: "false" }])).toEqual({ allowed: true, policy: null });
    expect(decide([{ ...other, when: "false" }], ada, "functions:other:invoke").allowed).toBe(
      false,
    );
  });

  test("that allow let in whom one of them means, and nobody else", () => {
    const list = [
      { name: "admins", effect: "allow", ...hello, when: 'principal.org_role == "admin"' },
      { name: "agents", effect: "allow", ...hello, when: 'principal.kind == "key"' },
    ];
    expect(decide(list)).toEqual({ allowed: true, policy: "admins" });
    expect(decide(list, nobody)).toEqual({ allowed: false, policy: null });
    expect(decide(list, { ...agent, claims: "{}" })).toEqual({ allowed: true, policy: "agents" });
  });

  test("that deny go before those that allow, wherever they stand", () => {
    const allow = { name: "all", effect: "allow", actions: ["*"] };
    const deny = { name: "no-aal1", effect: "deny", ...hello, when: 'principal.aal != "aal2"' };
    for (const list of [
      [allow, deny],
      [deny, allow],
    ]) {
      expect(decide(list)).toEqual({ allowed: true, policy: "all" });
      expect(decide(list, nobody)).toEqual({ allowed: false, policy: "no-aal1" });
    }
    expect(decide([deny])).toEqual({ allowed: true, policy: null });
  });

  test("whose condition cannot be evaluated refuse, whatever their effect", () => {
    const when = "principal.app_metadata.age > 17";
    expect(decide([{ name: "adults", effect: "allow", ...hello, when }]).allowed).toBe(false);
    expect(decide([{ name: "adults", effect: "deny", ...hello, when }])).toEqual({
      allowed: false,
      policy: "adults",
    });
    const open = { name: "open", effect: "allow", ...hello };
    expect(decide([{ name: "bad", effect: "deny", ...hello, when }, open]).allowed).toBe(false);
  });

  test("are about whole segments, and names that look like patterns are names", () => {
    const deny = (actions: string[]) => [{ name: "no", effect: "deny", actions }];
    expect(decide(deny(["functions:*:invoke"])).allowed).toBe(false);
    expect(decide(deny(["functions:hell:invoke"])).allowed).toBe(true);
    expect(decide(deny(["*:*:read"])).allowed).toBe(true);
    expect(decide(deny(["functions:hello:invoke"]), ada, "functions:*:invoke").allowed).toBe(true);
  });

  test("explain what each had to say", () => {
    const { policies } = load(
      { name: "admins", effect: "allow", ...hello, when: 'principal.org_role in ["owner"]' },
      { name: "adults", effect: "deny", ...hello, when: "principal.app_metadata.age < 18" },
    );
    const told = policies.explain({ principal: ada, action });
    expect(told).toMatchObject({
      allowed: false,
      policy: "adults",
      reason: "The condition of 'adults' could not be evaluated",
      verdicts: [
        {
          policy: "adults",
          outcome: "failed",
          error: "at character 1: null and a number have no order",
          trace: [{ text: "principal.app_metadata.age", value: null }],
        },
        {
          policy: "admins",
          outcome: "does not apply",
          trace: [
            { text: "principal.org_role", value: "admin" },
            { text: '["owner"]', value: ["owner"] },
            { text: 'principal.org_role in ["owner"]', value: false },
          ],
        },
      ],
    });
    const free = policies.explain({ principal: ada, action: "functions:free:invoke" });
    expect(free).toMatchObject({ allowed: true, verdicts: [] });
  });

  test("report every fault at once", () => {
    const { faults } = load(
      { name: "Bad Name" },
      { name: "twice", effect: "allow", ...hello },
      { name: "twice", effect: "maybe", actions: ["functions"], wen: "true" },
      { name: "cond", effect: "allow", ...hello, when: "principal.rol == 1" },
      {
        name: "tests",
        effect: "allow",
        ...hello,
        tests: [{ action: "a:*:c", expect: "no", as: 1 }],
      },
    );
    expect(faults).toEqual([
      "[[policies]] number 1: name must match ^[a-z][a-z0-9_-]{0,62}$",
      "[[policies]] names 'twice' twice",
      "policy 'twice': 'wen' is not known here; did you mean 'when'?",
      'policy \'twice\': effect must be "allow" or "deny"',
      expect.stringContaining("policy 'twice': actions must be"),
      expect.stringContaining("policy 'cond': when, at character 1: there is no attribute"),
      expect.stringContaining("policy 'tests': test number 1: action must be"),
      expect.stringContaining("policy 'tests': test number 1: expect must be"),
      expect.stringContaining("policy 'tests': test number 1: as must be"),
    ]);
  });

  test("are tested together, each test as the caller it describes", () => {
    const { faults, tests } = load(
      {
        ...{ name: "admins", effect: "allow", ...hello },
        when: 'principal.org_role == "admin"',
        tests: [
          { name: "an admin", as: { org_role: "admin" }, action, expect: "allow" },
          { name: "a member", as: { org_role: "member" }, action, expect: "deny" },
          { name: "nobody", as: { kind: "anonymous" }, action, expect: "deny" },
          { name: "the project", as: { kind: "project" }, action, expect: "allow" },
          { name: "wrong", as: { org_role: "admin" }, action, expect: "deny" },
        ],
      },
      {
        name: "no-keys",
        effect: "deny",
        ...hello,
        when: "principal.key_id != null",
        tests: [
          { name: "a key", as: { scopes: ["*"], org_role: "admin" }, action, expect: "deny" },
        ],
      },
    );
    expect(faults).toEqual([]);
    expect(tests.map(({ test: name, ok }) => [name, ok])).toEqual([
      ["an admin", true],
      ["a member", true],
      ["nobody", true],
      ["the project", true],
      ["wrong", false],
      ["a key", true],
    ]);
    expect(tests[4]).toMatchObject({
      expected: "deny",
      got: "allow",
      reason: "'admins' allows it",
    });
  });
});
