/** Committed WASM modules are what their committed sources give: nobody has to trust a binary. */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const FOLDERS = [
  "functions/slugify",
  "examples/chinook/functions/catalog-search",
  "test/fixtures/project/functions/bytes-tool",
];

test.each(FOLDERS)(
  "%s",
  async (folder) => {
    const out = mkdtempSync(join(tmpdir(), "reactor-wasm-"));
    try {
      const built = join(out, "built.wasm");
      const compiler = join(ROOT, "node_modules/assemblyscript/bin/asc.js");
      const build = Bun.spawn(
        [
          process.execPath,
          compiler,
          "--config",
          "asconfig.json",
          "--target",
          "release",
          "-o",
          built,
        ],
        { cwd: join(ROOT, folder), stdout: "pipe", stderr: "pipe" },
      );
      expect(await new Response(build.stderr).text()).toBe("");
      expect(await build.exited).toBe(0);
      const committed = readFileSync(join(ROOT, folder, `${basename(folder)}.wasm`));
      expect(Buffer.compare(readFileSync(built), committed)).toBe(0);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  },
  60_000,
);
