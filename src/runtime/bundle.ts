/**
 * Makes one ES module of a TypeScript function and everything it imports, as the Bun runtime takes it.
 * Used by deploys and by `dev`. Works in the compiled executable too: `Bun.build` is part of it.
 */
import { createHash } from "node:crypto";
import { relative, resolve } from "node:path";
import { ReactorError } from "../core/errors.ts";
import { runtimeErrors } from "./errors.ts";

export interface FunctionBundle {
  /** One ES module; imports only `reactor`, `bun` and `node:` modules. */
  readonly code: string;
  /** Of the code, hex: the function's version. */
  readonly sha256: string;
  /** All files that went into it, absolute. */
  readonly inputs: readonly string[];
}

const FAULTS_SHOWN = 5;
/** As code reads it. */
const NODE_ENV = ["process", "env", "NODE_ENV"].join(".");

/** Throws `bundle_failed` (422) whose details name file, line, column and text of each fault. */
export async function bundleFunction(entryFile: string): Promise<FunctionBundle> {
  try {
    const built = await Bun.build({
      entrypoints: [entryFile],
      target: "bun",
      format: "esm",
      external: ["reactor"],
      // The function's own, when it runs; Bun would write "development" in its place, and JSX of that kind.
      define: { [NODE_ENV]: NODE_ENV },
      jsx: { development: false },
      metafile: true,
      throw: true,
    });
    const [output] = built.outputs;
    if (!output) throw runtimeErrors.bundle_failed("The bundler made nothing");
    const code = await output.text();
    const sha256 = createHash("sha256").update(code).digest("hex");
    return {
      code,
      sha256,
      inputs: Object.keys(built.metafile?.inputs ?? {}).map((at) => resolve(at)),
    };
  } catch (error) {
    throw error instanceof ReactorError ? error : bundleError(error);
  }
}

interface BuildFault {
  readonly message?: string;
  readonly position?: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly lineText: string;
  } | null;
}

function bundleError(error: unknown): ReactorError {
  const faults = error instanceof AggregateError ? (error.errors as BuildFault[]) : [];
  const texts = faults.slice(0, FAULTS_SHOWN).map(faultText);
  if (texts.length > 0) return runtimeErrors.bundle_failed(texts.join("\n"), hintFor(faults));
  return runtimeErrors.bundle_failed(error instanceof Error ? error.message : String(error));
}

/** `hello.ts:3:9: Expected ";" (import q from x)`. */
function faultText({ message = "Unknown fault", position }: BuildFault): string {
  if (!position) return message;
  const file = relative(process.cwd(), position.file);
  const where = `${file.startsWith("..") ? position.file : file}:${position.line}:${position.column}`;
  return `${where}: ${message} (${position.lineText.trim().slice(0, 120)})`;
}

function hintFor(faults: readonly BuildFault[]): string | undefined {
  return faults.some(({ message }) => message?.startsWith("Could not resolve"))
    ? "Install the package in the project, or correct the path"
    : undefined;
}
