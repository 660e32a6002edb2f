import { describe, expect, test } from "bun:test";
import { DEFAULT_TENANT } from "../../core/tenant.ts";
import { createMemoryVault } from "../../shared/vault/memory-vault.ts";
import { answerSecretCall } from "./answer-secret-call.ts";
import type { ActiveFunction, Variable } from "./function-version.ts";
import { pathOf, VariableValues } from "./variable-values.ts";

const variable = (owner: string | null, name: string, revision = "1"): Variable => ({
  owner,
  kind: "secret",
  name,
  revision,
  updatedAt: "",
});

async function world() {
  const vault = createMemoryVault();
  const held: Variable[] = [];
  const set = async (one: Variable, value: string) => {
    await vault.put(DEFAULT_TENANT, pathOf(one), value);
    held.push(one);
  };
  const found = () =>
    ({ name: "one", variables: [...held].reverse() }) as unknown as ActiveFunction;
  const registry = {
    load: async () => undefined,
    get: (name: string) => (name === "one" ? found() : undefined),
  };
  const state = { registry, values: new VariableValues(vault, DEFAULT_TENANT) } as never;
  const ask = async (path: string, method = "GET", name = "one") => {
    const request = new Request(`http://host${path}`, { method });
    const answer = await answerSecretCall(state, { name }, request);
    return answer && `${answer.status} ${await answer.text()}`;
  };
  return { set, ask };
}

describe("a function asks for its secrets", () => {
  test("its own comes before the one of all, and a change is seen", async () => {
    const { set, ask } = await world();
    expect(await ask("/secrets/KEY")).toBe("404 ");
    await set(variable(null, "KEY"), "of all");
    expect(await ask("/secrets/KEY")).toBe("200 of all");
    await set(variable("one", "KEY"), "own");
    expect(await ask("/secrets/KEY")).toBe("200 own");
    await set(variable("one", "KEY", "2"), "newer");
    expect(await ask("/secrets/KEY")).toBe("200 newer");
  });

  test("other paths are not for it, and nothing else is told", async () => {
    const { set, ask } = await world();
    await set(variable("other", "KEY"), "of another");
    expect(await ask("/kv/=KEY")).toBeNull();
    expect(await ask("/secrets/")).toBeNull();
    expect(await ask("/secrets/%ff")).toBe("404 ");
    expect(await ask("/secrets/..%2Fother")).toBe("404 ");
    expect(await ask("/secrets/KEY", "PUT")).toContain("405");
    expect(await ask("/secrets/KEY", "GET", "unknown")).toBe("404 ");
  });
});
