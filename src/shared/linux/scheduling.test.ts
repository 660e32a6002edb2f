import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const MODULE = join(import.meta.dir, "scheduling.ts");
const [major = 0, minor = 0] = readFileSync("/proc/sys/kernel/osrelease", "utf8")
  .split(".")
  .map(Number);
/** Where the kernel takes slices and tells them. */
const tellsSlices =
  (major > 6 || (major === 6 && minor >= 12)) &&
  readFileSync("/proc/self/sched", "utf8").includes("se.slice");

/** A process that schedules itself and then tells what the kernel made of it, and of a child of it. */
async function scheduled(call: string) {
  const script = `
    import { getPriority } from "node:os";
    import { scheduleThread } from ${JSON.stringify(MODULE)};
    const done = ${call};
    const child = Bun.spawnSync(["cat", "/proc/self/sched"]).stdout.toString();
    const own = await Bun.file("/proc/self/sched").text();
    const slice = (text) => Number(/se\\.slice\\s*:\\s*(\\d+)/.exec(text)?.[1] ?? 0);
    console.log(JSON.stringify({ done, nice: getPriority(), own: slice(own), child: slice(child) }));`;
  const child = Bun.spawn([process.execPath, "-e", script], { stderr: "inherit" });
  return (await new Response(child.stdout).json()) as {
    done: boolean;
    nice: number;
    own: number;
    child: number;
  };
}

test("who answers comes soon, and what it starts as usual", async () => {
  const soon = await scheduled('scheduleThread(0, "soon")');
  expect(soon).toMatchObject({ done: true, nice: 0 });
  if (!tellsSlices) return;
  expect(soon.own).toBe(100_000);
  expect(soon.child).toBeGreaterThan(soon.own);
});

test("who computes comes late, with the nice value that it is given", async () => {
  const late = await scheduled('scheduleThread(0, "late", 10)');
  expect(late).toMatchObject({ done: true, nice: 10 });
  if (tellsSlices) expect(late.own).toBe(10_000_000);
});

test("a process that waits is let in as usual again", async () => {
  const usual = await scheduled(
    'scheduleThread(0, "late") && scheduleThread(process.pid, "usual")',
  );
  expect(usual).toMatchObject({ done: true, nice: 0 });
  if (!tellsSlices) return;
  expect(usual.own).toBeLessThan(10_000_000);
  expect(usual.own).toBeGreaterThan(100_000);
});

test("of a thread that is none, nothing is done", async () => {
  expect(await scheduled('scheduleThread(0x3fffffff, "late")')).toMatchObject({ done: false });
});
