/** What a zip for AWS Lambda is to run: a program of its own, or a handler in a file of it. */
import type { ZipFile } from "../../core/zip/read-zip.ts";

export type ZipProgram =
  | { readonly kind: "bootstrap" }
  | {
      readonly kind: "handler";
      /** Path in the archive. */
      readonly file: string;
      /** The export, and what is to be taken of it: `a.b` of `index.a.b`. */
      readonly exportPath: readonly string[];
    };

export const BOOTSTRAP = "bootstrap";
export const DEFAULT_HANDLER = "index.handler";
/** In the order in which AWS looks for them. */
const TYPES = [".js", ".mjs", ".cjs"];

/**
 * @param entry `folder/file.export`; null is `index.handler`. A bootstrap knows itself what it means
 * @returns a text that says what is missing
 */
export function zipProgram(files: readonly ZipFile[], entry: string | null): ZipProgram | string {
  const paths = new Set(files.map(({ path }) => path));
  if (paths.has(BOOTSTRAP)) return { kind: "bootstrap" };
  const handler = entry ?? DEFAULT_HANDLER;
  const name = handler.lastIndexOf("/") + 1;
  const dot = handler.indexOf(".", name);
  if (dot <= name) return `handler is '${handler}', which is not like 'folder/file.export'`;
  const module = handler.slice(0, dot);
  const file = TYPES.map((type) => module + type).find((path) => paths.has(path));
  if (file) return { kind: "handler", file, exportPath: handler.slice(dot + 1).split(".") };
  return `handler is '${handler}', but there is no ${module}.js, .mjs or .cjs in the zip, and no ${BOOTSTRAP}`;
}
