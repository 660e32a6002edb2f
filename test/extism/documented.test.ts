/** The modules of `docs/functions.md` are compiled by the commands that stand there, and do what it says. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFixture, type Fixture } from "../runtime/runtime-fixture.ts";

const PAGE = readFileSync(join(import.meta.dir, "../../docs/functions.md"), "utf8");
let fixture: Fixture;
let folder: string;

beforeAll(async () => {
  fixture = await createFixture({ blanks: 0, wasmHosts: 1 });
  folder = mkdtempSync(join(tmpdir(), "rx-documented-"));
  mkdirSync(join(folder, "functions"));
});
afterAll(async () => {
  await fixture.close();
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ["shout", "rs", "größer", "GRÖSSER"],
  ["initial", "c", "abc", "a"],
])(
  "%s.%s",
  async (name, type, input, output) => {
    const path = `functions/${name}.${type}`;
    const source = new RegExp(`^// ${path}\\n[^]*?(?=^\`\`\`$)`, "m").exec(PAGE)?.[0] ?? "";
    const command = new RegExp(`^(?:rustc|clang) .* ${path}$`, "m").exec(PAGE)?.[0] ?? "";
    writeFileSync(join(folder, path), source);
    const env = { PATH: "/usr/bin:/bin" };
    const { exitCode, stderr } = Bun.spawnSync(command.split(" "), { cwd: folder, env });
    expect([exitCode, stderr.toString()]).toEqual([0, ""]);
    const module = new Uint8Array(readFileSync(join(folder, `functions/${name}.wasm`)));
    const init = { method: "POST", body: input };
    const answer = await fixture.invoke(fixture.wasmSpec(name, module), { init });
    expect(await answer.text()).toBe(output);
  },
  60_000,
);
