import { expect, test } from "bun:test";
import { join } from "node:path";
import { sliceOf } from "../../../test/support/slices.ts";

const MODULE = join(import.meta.dir, "scheduling.ts");
const SLICES = join(import.meta.dir, "../../../test/support/slices.ts");
const tellsSlices = sliceOf("self") !== null;

/** A process that schedules itself and then tells what the kernel made of it, and of a child of it. */
async function scheduled(call: string) {
  const script = `
    import { getPriority } from "node:os";
    import { scheduleThread } from ${JSON.stringify(MODULE)};
    import { sliceOf } from ${JSON.stringify(SLICES)};
    const done = ${call};
    const child = Bun.spawn(["sleep", "10"]);
    const told = { done, nice: getPriority(), own: sliceOf("self"), child: sliceOf(child.pid) };
    child.kill();
    console.log(JSON.stringify(told));`;
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
