/** docs/cli.md is what the command table says. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { cliPage } from "../../scripts/make-cli-docs.ts";

test("docs/cli.md is current (bun scripts/make-cli-docs.ts)", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../docs/cli.md")).text()).toBe(cliPage());
});
