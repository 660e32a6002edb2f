/** A sample of `bun run campaign hostile-requests`. */
import { afterAll, beforeAll, setDefaultTimeout, test } from "bun:test";
import { checkPosition, type HostileTrap, openHostileTrap, positions } from "./hostile-requests.ts";

setDefaultTimeout(60_000);

let trap: HostileTrap;
beforeAll(async () => {
  trap = await openHostileTrap();
});
afterAll(() => trap.close());

test.each(positions.map((position) => [position.name, position] as const))(
  "hostile text as %s does not change the statement",
  async (_, position) => {
    await checkPosition(trap, position, 200, 20_260_103);
  },
);
