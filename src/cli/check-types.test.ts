import { expect, test } from "bun:test";
import type { ProjectFunction } from "../core/functions-project.ts";
import { faultsIn } from "./check-types.ts";

const fn = (path: string) => ({ name: "x", path }) as unknown as ProjectFunction;

test("faults of functions are told with their place, others and the server's own module are not", () => {
  const text = [
    "functions/hello.ts(3,9): error TS2322: Type 'string' is not assignable to type 'number'.",
    "functions/hello.ts(1,25): error TS2307: Cannot find module 'reactor' or its corresponding type declarations.",
    "web/app.ts(1,1): error TS1005: ';' expected.",
    "functions/other.ts(1,1): error TS1005: ';' expected.",
    "functions/another/part.ts(1,1): error TS1005: ';' expected.",
    "functions/_shared/log.ts(2,3): error TS1005: ';' expected.",
    "lib/entry.ts(7,2): error TS2304: Cannot find name 'x'.",
    "  a line that belongs to the one before",
  ].join("\n");
  const chosen = [fn("/p/functions/hello.ts"), fn("/p/lib/entry.ts")];
  const all = [...chosen, fn("/p/functions/other.ts"), fn("/p/functions/another/index.ts")];
  expect(faultsIn(text, "/p", chosen, all)).toEqual([
    "  functions/hello.ts:3:9: Type 'string' is not assignable to type 'number'. (TS2322)",
    "  functions/_shared/log.ts:2:3: ';' expected. (TS1005)",
    "  lib/entry.ts:7:2: Cannot find name 'x'. (TS2304)",
  ]);
});
