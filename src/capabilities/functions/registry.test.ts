import { describe, expect, test } from "bun:test";
import { type ActiveFunction, NO_LIMITS } from "./function-version.ts";
import { Registry } from "./registry.ts";

function named(name: string, version: string): ActiveFunction {
  const active = versionNamed(version);
  const times = { createdAt: "", updatedAt: "" };
  const rules = { description: "", verifyJwt: true, forwardAuthorization: false };
  return { name, ...rules, ...times, active, share: null, variables: [] };
}

function versionNamed(version: string) {
  return {
    version,
    runtime: "bun" as const,
    codeSha256: version,
    sizeBytes: 1,
    entry: null,
    config: {},
    env: {},
    limits: NO_LIMITS,
    report: { imports: [], hosts: [], warnings: [] },
    createdAt: "",
  };
}

function setup(first: ActiveFunction[]) {
  const world = { functions: first, mark: "1", reads: 0 };
  const retired: string[] = [];
  const registry = new Registry(
    {
      mark: async () => world.mark,
      read: async () => {
        world.reads += 1;
        return world.functions;
      },
    },
    ({ name, version }) => retired.push(`${name}@${version}`),
  );
  return { world, retired, registry };
}

describe("the registry of functions", () => {
  test("many first callers share one read", async () => {
    const { registry, world } = setup([named("a", "v1")]);
    await Promise.all([registry.load(), registry.load(), registry.load()]);
    expect(world.reads).toBe(1);
    expect(registry.get("a")?.active.version).toBe("v1");
  });

  test("a poll reads again only when the mark has moved", async () => {
    const { registry, world } = setup([named("a", "v1")]);
    await registry.load();
    await registry.poll();
    expect(world.reads).toBe(1);
    Object.assign(world, { functions: [named("a", "v2")], mark: "2" });
    await registry.poll();
    expect(registry.get("a")?.active.version).toBe("v2");
  });

  test("a replaced and a removed version are retired, an untouched one is not", async () => {
    const { registry, world, retired } = setup([
      named("a", "v1"),
      named("b", "v1"),
      named("c", "v1"),
    ]);
    await registry.load();
    world.functions = [named("a", "v2"), named("c", "v1")];
    await registry.refresh();
    expect(retired).toEqual(["a@v1", "b@v1"]);
  });

  test("a refresh asked for during a read reads once more", async () => {
    const { registry, world } = setup([]);
    await Promise.all([registry.refresh(), registry.refresh(), registry.refresh()]);
    expect(world.reads).toBe(2);
  });

  test("a failed read leaves what was known and the next one works", async () => {
    let failing = false;
    const registry = new Registry(
      {
        mark: async () => "1",
        read: async () => {
          if (failing) throw new Error("database away");
          return [named("a", "v1")];
        },
      },
      () => undefined,
    );
    await registry.load();
    failing = true;
    await expect(registry.refresh()).rejects.toThrow("database away");
    await registry.refresh().catch(() => undefined);
    expect(registry.get("a")?.active.version).toBe("v1");
    failing = false;
    await registry.refresh();
    expect(registry.get("a")?.active.version).toBe("v1");
  });
});
