/** docs/configuration.md is what the schemas say, and they say something of every setting. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { configPage } from "../../scripts/make-config-docs.ts";
import { fieldsOf } from "../../src/core/config/schema-fields.ts";
import { capabilities } from "../../src/server/list.ts";

test("docs/configuration.md is current (bun scripts/make-config-docs.ts)", async () => {
  const page = join(import.meta.dir, "../../docs/configuration.md");
  expect(await Bun.file(page).text()).toBe(configPage());
});

test("every setting of every capability has a description and a default or is optional", () => {
  for (const { section, config } of capabilities) {
    for (const { key, description, required } of fieldsOf(section, config)) {
      expect([key, description.length > 10, required]).toEqual([key, true, false]);
    }
  }
});
