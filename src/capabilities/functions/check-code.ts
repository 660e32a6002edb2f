/** Whether code can be the function that its settings say; looked at before anything is stored. */
import { ReactorError } from "../../core/errors.ts";
import type { FunctionSettings } from "../../core/function-settings.ts";
import { type CodeReport, inspectCode } from "../../core/inspect-code.ts";
import { isZip, readZip, unzipFile, ZipRefused } from "../../core/zip/read-zip.ts";
import { readTarget } from "../../runtime/lambda/target.ts";
import { zipProgram } from "../../runtime/lambda/zip-program.ts";
import { checkModule, type ModuleReport } from "../../runtime/wasm/check-module.ts";
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
  const { callable } = checkNamed(name, code, memoryBytes);
  const { entry } = settings;
  if (entry === null || callable.includes(entry)) return;
  const known = callable.join(", ") || "no function";
  throw functionsErrors.functions_invalid([
    `'${name}': entry is '${entry}', but the module exports ${known}`,
  ]);
}

/** What the runtime says of a module, with the name of the function. */
function checkNamed(name: string, code: Uint8Array, memoryBytes: number): ModuleReport {
  try {
    return checkModule(new Uint8Array(code), memoryBytes);
  } catch (error) {
    if (!(error instanceof ReactorError)) throw error;
    throw functionsErrors.module_refused(name, error);
  }
}

/** What code asks for. @throws function_invalid for what can be no code at all */
export function inspectNamed(
  name: string,
  { runtime }: Pick<FunctionSettings, "runtime">,
  code: Uint8Array,
  egress: readonly string[],
): CodeReport {
  try {
    return inspectCode(runtime, code, egress);
  } catch (error) {
    const wanted = runtime === "lambda" ? "no zip archive and no JavaScript" : "no JavaScript";
    const reason = (error as Partial<Error> | null)?.message ?? String(error);
    throw functionsErrors.functions_invalid([`'${name}': it is ${wanted}: ${reason}`]);
  }
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
