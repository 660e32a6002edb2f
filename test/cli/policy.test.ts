/** `reactor policy`: a project's policies, checked and explained without a server. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Bench, createBench } from "./fake-host.ts";

let bench: Bench;
let cwd: string;
beforeEach(() => {
  bench = createBench();
  cwd = join(bench.dir, "shop");
  mkdirSync(cwd);
});
afterEach(() => bench.remove());

const write = (toml: string) => writeFileSync(join(cwd, "reactor.toml"), toml);
const ADMINS = `
[[policies]]
name = "admins"
effect = "allow"
actions = ["functions:report:invoke"]
when = 'principal.org_role == "admin"'

[[policies.tests]]
name = "an admin"
as = { org_role = "admin" }
action = "functions:report:invoke"
expect = "allow"

[[policies.tests]]
name = "a member"
as = { org_role = "member" }
action = "functions:report:invoke"
expect = "deny"
`;

describe("reactor policy test", () => {
  test("runs the tests of the policies", async () => {
    write(ADMINS);
    const ran = await bench.run(["policy", "test"], { cwd });
    expect(ran.exit).toBe(0);
    expect(ran.json()["data"]).toMatchObject({ ok: true, policies: ["admins"], faults: [] });
    const people = await bench.run(["policy", "test"], { cwd, isTerminal: true });
    expect(people.stdout).toContain("✓ admins: a member");
    expect(people.stdout).toContain("1 policies, 2 tests, 0 failed");
  });

  test("needs of the environment what the policies use, and nothing else", async () => {
    const secrets = '[auth]\njwt_secret = "env:NOBODY_SET_THIS"\n[nonsense]\nx = 1\n';
    write(`${secrets}${ADMINS}`);
    for (const argv of [
      ["policy", "test"],
      ["policy", "explain", "functions:report:invoke"],
    ]) {
      expect((await bench.run(argv, { cwd })).exit).toBe(0);
    }
    write(ADMINS.replace('name = "admins"', 'name = "env:ITS_NAME"'));
    const missing = await bench.run(["policy", "test"], { cwd });
    expect(missing.exit).not.toBe(0);
    expect(`${missing.stdout}${missing.stderr}`).toContain("ITS_NAME");
  });

  test("fails with a failing test and says what came out", async () => {
    write(ADMINS.replace('== "admin"', '== "owner"'));
    const { exit, stdout } = await bench.run(["policy", "test"], { cwd, isTerminal: true });
    expect(exit).toBe(4);
    expect(stdout).toContain("✗ admins: an admin (expected allow: Policies are about this action");
  });

  test("fails with every fault of what was written", async () => {
    write(ADMINS.replace("principal.org_role", "principal.orgrole").replace("allow", "permit"));
    const { exit, json } = await bench.run(["policy", "test"], { cwd });
    expect(exit).toBe(4);
    const { faults } = json()["data"] as { faults: string[] };
    expect(faults).toHaveLength(2);
    expect(faults[1]).toContain("did you mean principal.org_role?");
  });
});

describe("reactor policy explain", () => {
  test("says who may, and why", async () => {
    write(ADMINS);
    const argv = ["policy", "explain", "functions:report:invoke", "--as", '{"org_role":"member"}'];
    expect((await bench.run(argv, { cwd })).json()["data"]).toMatchObject({
      allowed: false,
      reason: "Policies are about this action, and none allows it",
    });
    const { stdout } = await bench.run(argv, { cwd, isTerminal: true });
    expect(stdout).toContain("denied:");
    expect(stdout).toContain('principal.org_role  =  "member"');
  });

  test("refuses what is no action and what describes nobody", async () => {
    write(ADMINS);
    for (const argv of [
      ["functions:*:invoke"],
      ["functions"],
      ["functions:report:invoke", "--as", "[1]"],
      ["functions:report:invoke", "--as", "{"],
    ]) {
      expect((await bench.run(["policy", "explain", ...argv], { cwd })).exit).toBe(1);
    }
    const typo = ["functions:report:invoke", "--as", '{"orgrole":"x"}'];
    expect((await bench.run(["policy", "explain", ...typo], { cwd })).exit).toBe(4);
  });
});
