/** Code that cannot be what its settings say is refused with the function's name and the reason. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ReactorError } from "../../src/core/errors.ts";
import {
  type FunctionsDatabase,
  type FunctionsWorld,
  openFunctionsDatabase,
  startFunctions,
} from "./world.ts";

let database: FunctionsDatabase;
let world: FunctionsWorld;

beforeAll(async () => {
  database = await openFunctionsDatabase();
  world = await startFunctions(database);
});

afterAll(async () => {
  await world?.stop();
  await database?.close();
});

async function refusal(name: string, code: string | Uint8Array, settings?: object) {
  const error = await world.deploy(name, code, settings).then(
    () => undefined,
    (thrown: unknown) => thrown as ReactorError,
  );
  return error?.body();
}

test("a module that is none", async () => {
  expect(await refusal("junk", Buffer.from("junk"))).toMatchObject({
    code: "invalid_function",
    message: "The WASM module of 'junk' cannot be accepted",
  });
});

test("a zip that is none, and a program that is none", async () => {
  const zip = await refusal("znot", "not a zip", { runtime: "lambda" });
  expect(zip).toMatchObject({ code: "function_invalid" });
  expect(zip?.details).toStartWith("'znot': it is no zip archive and no JavaScript: ");
  const source = await refusal("torn", "export default { fetch( }");
  expect(source?.details).toStartWith("'torn': it is no JavaScript: ");
});
