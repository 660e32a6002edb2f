import { describe, expect, test } from "bun:test";
import { createMemoryLog } from "../../../test/support/memory-log.ts";
import { createSeededRng } from "../../../test/support/seeded-rng.ts";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import { ReactorError } from "../../core/errors.ts";
import type { DeployChange, Deployer, DeployItem } from "../../core/ports/deployer.ts";
import { DEFAULT_TENANT } from "../../core/tenant.ts";
import { createIds } from "../../shared/ids.ts";
import { createMemoryLeases } from "../../shared/leases/memory-leases.ts";
import { type DeployRequest, deploy, storePart } from "./deploy.ts";
import type { DeployStore } from "./deploy-store.ts";

const tenant = DEFAULT_TENANT;
const sha256 = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex");
const bytes = (text: string) => new TextEncoder().encode(text);
const item = (name: string, code = name): DeployItem => ({
  name,
  sha256: sha256(code),
  sizeBytes: code.length,
  settings: {},
});

/** Deployers that note what they are asked, over parts in memory. */
function createBench() {
  const parts = new Map<string, Uint8Array>();
  const recorded: { id: string; status: string }[] = [];
  const calls: string[] = [];
  const broken = new Set<string>();
  const live = new Map<string, string>();
  let hold: Promise<void> = Promise.resolve();
  const store: DeployStore = {
    putPart: async (_t, sum, body) => void parts.set(sum, body),
    heldParts: async (_t, sums) => new Set(sums.filter((sum) => parts.has(sum))),
    readPart: async (_t, sum) => parts.get(sum) ?? new Uint8Array(),
    record: async (_t, id, status) => void recorded.push({ id, status }),
  };
  const deployer = (section: string): Deployer => ({
    section,
    plan: async (_t, items) =>
      items.map(({ name, sha256: version }) => {
        const now = live.get(`${section}/${name}`);
        const action = now === undefined ? "create" : now === version ? "unchanged" : "update";
        return { name, action, version };
      }),
    names: async () => [...live.keys()],
    async apply(_t, { name, sha256: version }): Promise<DeployChange> {
      await hold;
      calls.push(`apply ${section}/${name}`);
      if (broken.has(name)) throw new ReactorError({ status: 422, code: "broken", message: name });
      live.set(`${section}/${name}`, version);
      return { name, action: "create", version };
    },
    async prune(_t, keep) {
      calls.push(`prune ${section} but ${keep.join(",")}`);
      return [{ name: "gone", action: "remove", version: "1" }];
    },
  });
  const applied: string[] = [];
  const clock = createSimClock();
  const options = {
    store,
    migrations: {
      plan: async (_t: unknown, announced: readonly { name: string; sha256: string }[]) =>
        announced.map(({ name, sha256: version }) => ({
          name,
          action: applied.includes(name) ? ("unchanged" as const) : ("create" as const),
          version,
        })),
      async apply(_t: unknown, files: readonly { name: string; sql: string }[]) {
        for (const { name } of files) {
          if (broken.has(name)) throw new Error("no such table, password=hunter2");
          applied.push(name);
          calls.push(`migrate ${name}`);
        }
        return files.map(({ name }) => ({ name, action: "create" as const, version: "" }));
      },
    },
    deployers: [deployer("functions"), deployer("sites")],
    leases: createMemoryLeases(clock),
    ids: createIds(clock, createSeededRng(1)),
    log: createMemoryLog(),
    clock,
  };
  const upload = async (...texts: string[]) => {
    for (const text of texts) await storePart(store, tenant, sha256(text), bytes(text));
  };
  return {
    calls,
    broken,
    recorded,
    options,
    upload,
    holdApply(until: Promise<void>) {
      hold = until;
    },
    run: (request: Partial<DeployRequest>) =>
      deploy(options, tenant, {
        dry_run: false,
        whole: false,
        migrations: [],
        sections: {},
        ...request,
      }),
  };
}

const migration = (name: string) => ({ name, sha256: sha256(name), size_bytes: name.length });
const phases = (report: { phases: readonly { section: string; status: string }[] }) =>
  report.phases.map(({ section, status }) => `${section} ${status}`);

describe("a deploy", () => {
  test("tells which parts it lacks and changes nothing", async () => {
    const bench = createBench();
    await bench.upload("a");
    const report = await bench.run({ sections: { functions: [item("a"), item("b")] } });
    expect(report).toMatchObject({ status: "needs_parts", missing: [sha256("b")] });
    expect(bench.calls).toEqual([]);
    expect(bench.recorded).toEqual([]);
  });

  test("runs dry without parts and changes nothing", async () => {
    const bench = createBench();
    const report = await bench.run({
      dry_run: true,
      migrations: [migration("0001_a")],
      sections: { functions: [item("a")] },
    });
    expect(report.status).toBe("planned");
    expect(phases(report)).toEqual(["migrations planned", "functions planned"]);
    expect(report.phases[1]?.changes).toEqual([
      { name: "a", action: "create", version: sha256("a") },
    ]);
    expect(bench.calls).toEqual([]);
  });

  test("applies migrations, then the sections in the server's order", async () => {
    const bench = createBench();
    await bench.upload("0001_a", "x", "f");
    const report = await bench.run({
      sections: { sites: [item("x")], functions: [item("f")] },
      migrations: [migration("0001_a")],
    });
    expect(report.status).toBe("complete");
    expect(bench.calls).toEqual(["migrate 0001_a", "apply functions/f", "apply sites/x"]);
    expect(bench.recorded).toEqual([{ id: report.deploy_id, status: "complete" }]);
  });

  test("leaves alone what is as it should be, and needs no part of it", async () => {
    const bench = createBench();
    await bench.upload("f");
    await bench.run({ sections: { functions: [item("f")] } });
    bench.calls.length = 0;
    const again = await bench.run({ sections: { functions: [item("f")] } });
    expect(again.status).toBe("complete");
    expect(again.phases[1]?.changes).toEqual([
      { name: "f", action: "unchanged", version: sha256("f") },
    ]);
    expect(bench.calls).toEqual([]);
  });

  test("that fails in the middle is partial, told as it is, and goes on when repeated", async () => {
    const bench = createBench();
    await bench.upload("a", "b", "c", "x");
    bench.broken.add("b");
    const request = {
      sections: { functions: [item("a"), item("b"), item("c")], sites: [item("x")] },
    };
    const first = await bench.run(request);
    expect(first.status).toBe("partial");
    expect(phases(first)).toEqual(["migrations complete", "functions failed", "sites skipped"]);
    expect(first.phases[1]).toMatchObject({
      changes: [{ name: "a", action: "create" }],
      error: { code: "broken", message: "b", details: null, hint: null },
    });
    expect(bench.recorded.at(-1)?.status).toBe("partial");
    bench.broken.clear();
    bench.calls.length = 0;
    const second = await bench.run(request);
    expect(second.status).toBe("complete");
    expect(bench.calls).toEqual(["apply functions/b", "apply functions/c", "apply sites/x"]);
  });

  test("stops at a migration that fails and discloses no cause", async () => {
    const bench = createBench();
    await bench.upload("0001_a", "f");
    bench.broken.add("0001_a");
    const report = await bench.run({
      migrations: [migration("0001_a")],
      sections: { functions: [item("f")] },
    });
    expect(phases(report)).toEqual(["migrations failed", "functions skipped"]);
    expect(report.phases[0]?.error?.code).toBe("internal_error");
    expect(JSON.stringify(report)).not.toContain("hunter2");
    expect(bench.calls).toEqual([]);
  });

  test("of a section nobody deploys is refused before anything", async () => {
    const bench = createBench();
    const request = { sections: { functions: [item("f")], ponies: [] } };
    await expect(bench.run(request)).rejects.toMatchObject({
      status: 422,
      code: "deploy_section_unknown",
      details: "This server deploys: functions, sites",
    });
    expect(bench.calls).toEqual([]);
  });
});

describe("pruning", () => {
  test("comes after all of a whole project's section was applied", async () => {
    const bench = createBench();
    await bench.upload("a", "b");
    const report = await bench.run({
      whole: true,
      sections: { functions: [item("a"), item("b")] },
    });
    expect(bench.calls).toEqual([
      "apply functions/a",
      "apply functions/b",
      "prune functions but a,b",
    ]);
    expect(report.phases[1]?.changes.at(-1)).toEqual({
      name: "gone",
      action: "remove",
      version: "1",
    });
  });

  test.each([
    ["a part of a project", { whole: false, sections: { functions: [item("a")] } }],
    ["a whole project's other sections", { whole: true, sections: {} }],
    ["a dry run", { whole: true, dry_run: true, sections: { functions: [item("a")] } }],
  ])("does not come with %s", async (_what, request) => {
    const bench = createBench();
    await bench.upload("a");
    await bench.run(request);
    expect(bench.calls.filter((call) => call.startsWith("prune"))).toEqual([]);
  });

  test("does not come when something before it failed", async () => {
    const bench = createBench();
    await bench.upload("a", "x", "0001_a");
    bench.broken.add("a");
    const sections = { functions: [item("a")], sites: [item("x")] };
    await bench.run({ whole: true, sections });
    bench.broken.clear();
    bench.broken.add("0001_a");
    await bench.run({ whole: true, sections, migrations: [migration("0001_a")] });
    expect(bench.calls.filter((call) => call.startsWith("prune"))).toEqual([]);
  });
});

describe("two deploys", () => {
  test("at once: the second is refused and changes nothing", async () => {
    const bench = createBench();
    await bench.upload("a", "b");
    const held = Promise.withResolvers<void>();
    bench.holdApply(held.promise);
    const first = bench.run({ sections: { functions: [item("a")] } });
    const second = bench.run({ sections: { functions: [item("b")] } });
    await expect(second).rejects.toMatchObject({ status: 409, code: "deploy_in_progress" });
    held.resolve();
    expect((await first).status).toBe("complete");
    expect(bench.calls).toEqual(["apply functions/a"]);
    expect((await bench.run({ sections: { functions: [item("b")] } })).status).toBe("complete");
  });

  test("a long one keeps its turn, however long it takes", async () => {
    const bench = createBench();
    await bench.upload("a", "b");
    const held = Promise.withResolvers<void>();
    bench.holdApply(held.promise);
    const first = bench.run({ sections: { functions: [item("a")] } });
    await bench.options.clock.advance(10 * 60_000);
    const second = bench.run({ sections: { functions: [item("b")] } });
    await expect(second).rejects.toMatchObject({ code: "deploy_in_progress" });
    held.resolve();
    await first;
    expect(bench.options.clock.pending()).toBe(0);
  });
});

test("a part is kept under the sum of its bytes", async () => {
  const bench = createBench();
  await bench.upload("a");
  expect(await bench.options.store.readPart(tenant, sha256("a"))).toEqual(bytes("a"));
});

test("a part that is not what was announced is refused and not kept", async () => {
  const bench = createBench();
  const wrong = storePart(bench.options.store, tenant, sha256("a"), bytes("b"));
  await expect(wrong).rejects.toMatchObject({ status: 422, code: "deploy_part_mismatch" });
  expect(await bench.options.store.heldParts(tenant, [sha256("a")])).toEqual(new Set());
});
