/** Whether code can be the function that its settings say; looked at before anything is stored. */
import type { FunctionSettings } from "../../core/function-settings.ts";
import { isZip, readZip, unzipFile, ZipRefused } from "../../core/zip/read-zip.ts";
import { readTarget } from "../../runtime/lambda/target.ts";
import { zipProgram } from "../../runtime/lambda/zip-program.ts";
import { checkModule } from "../../runtime/wasm/check-module.ts";
import { functionsErrors } from "./errors.ts";

/** @throws function_invalid */
export async function checkCode(
  name: string,
  settings: FunctionSettings,
  code: Uint8Array,
  memoryBytes: number,
) {
  if (code.byteLength === 0) throw functionsErrors.functions_invalid([`'${name}' has no code`]);
  const isLambda = settings.runtime === "lambda";
  if (isZip(code) && !isLambda) {
    throw functionsErrors.functions_invalid([
      `'${name}' is a zip, so its runtime must be "lambda"`,
    ]);
  }
  if (isZip(code)) await checkZip(name, settings.entry, code);
  else if (isLambda) checkTarget(name, code);
  if (settings.runtime !== "wasm") return;
  const { callable } = checkModule(new Uint8Array(code), memoryBytes);
  const { entry } = settings;
  if (entry === null || callable.includes(entry)) return;
  const known = callable.join(", ") || "no function";
  throw functionsErrors.functions_invalid([
    `'${name}': entry is '${entry}', but the module exports ${known}`,
  ]);
}

function checkTarget(name: string, code: Uint8Array): void {
  const target = readTarget(code);
  if (typeof target !== "string") return;
  throw functionsErrors.functions_invalid([`'${name}': its target on AWS Lambda: ${target}`]);
}

/** All of it is unpacked once, so that no damaged archive becomes a version. */
async function checkZip(name: string, entry: string | null, code: Uint8Array): Promise<void> {
  const fault = (text: string) =>
    functionsErrors.functions_invalid([`'${name}': its zip: ${text}`]);
  try {
    const files = readZip(code);
    const program = zipProgram(files, entry);
    if (typeof program === "string") throw fault(program);
    for (const file of files) await unzipFile(file);
  } catch (error) {
    throw error instanceof ZipRefused ? fault(error.message) : error;
  }
}
