/**
 * The same probes with no jail at all: most must reach what they are after, else that they fail in the
 * jail would say nothing about it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { files } from "../fixtures/hostile/guests/files.ts";
import { kernelCalls } from "../fixtures/hostile/guests/kernel-calls.ts";
import { network } from "../fixtures/hostile/guests/network.ts";
import { createFixture, type Fixture } from "../runtime/runtime-fixture.ts";
import { bundleGuest, type Target } from "./hostile-project.ts";

let fixture: Fixture;
let folder: string;
let target: Target;
/**
 * The process the probes are after, as a server would be. Not this one: a process that a probe has
 * under ptrace stops at the next signal and stays so.
 */
let bystander: Bun.Subprocess;
const listeners: { stop(force?: boolean): unknown }[] = [];

beforeAll(async () => {
  const jail = { level: "none", landlock: false, firstUid: null, namespaces: false } as const;
  fixture = await createFixture({ jail });
  folder = mkdtempSync(join(tmpdir(), "rx-hostile-"));
  const secret = join(folder, "secret");
  writeFileSync(secret, "secret", { mode: 0o600 });
  mkdirSync(join(folder, "inner"));
  const socket = join(folder, "s");
  const unix = Bun.listen({ unix: socket, socket: { data: () => undefined } });
  const tcp = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("ok")),
    websocket: { message: () => undefined },
  });
  listeners.push(unix, tcp);
  bystander = Bun.spawn(["sleep", "600"], { stdio: ["ignore", "ignore", "ignore"] });
  target = {
    pid: bystander.pid,
    port: tcp.port ?? 0,
    secrets: [secret],
    folders: [folder],
    sockets: [socket],
    mark: "no-such-mark",
    web: "",
  };
});
afterAll(async () => {
  for (const listener of listeners) listener.stop(true);
  await fixture.close();
  bystander.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** Not to be had here even without a jail, or not for everybody who runs the tests. */
const MAY_FAIL = new Set([
  ...["own environment", "what was left open", "setns", "bpf", "perf_event_open", "keyctl"],
  // Refused by the function's own fetch, before any jail.
  "Unix sockets by fetch",
]);
const NEEDS_ROOT = [
  "setuid",
  "mount",
  "unshare",
  "chroot",
  "a raw socket",
  "packets of the network",
];

test("without a jail the probes reach what they are after", async () => {
  const spec = fixture.bunSpec("probe", await bundleGuest("probe"));
  const reached: string[] = [];
  const others: string[] = [];
  for (const probe of Object.keys({ ...files, ...network, ...kernelCalls })) {
    const init = { method: "POST", body: JSON.stringify({ probe, target }) };
    const answer = (await (await fixture.invoke(spec, { init })).json()) as { reached?: string };
    if (answer.reached) reached.push(probe);
    else others.push(`${probe}: ${JSON.stringify(answer)}`);
  }
  console.log(`without a jail: ${reached.length} reached\n${others.join("\n")}`);
  expect(reached.length).toBeGreaterThan(others.length);
  const stopped = others.map((line) => line.slice(0, line.indexOf(":")));
  expect(stopped.filter((name) => !MAY_FAIL.has(name) && !NEEDS_ROOT.includes(name))).toEqual([]);
}, 60_000);
