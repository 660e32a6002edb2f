import { describe, test } from "bun:test";
import { positions } from "./hostile-text.fixture.ts";

describe("hostile text stays text", () => {
  test.each(positions.map(([name, run]) => ({ name, run })))("as $name", ({ run }) => {
    run(5_000);
  });
});
