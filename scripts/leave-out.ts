/**
 * The bundler plug-in that keeps out of the executable what its libraries import and nothing here asks
 * for: the other page of `@elysiajs/swagger` (its styles), and the recogniser of file types that Elysia
 * loads for schemas of uploads, of which there are none. Each is a hundred kilobytes and more of a download
 * that has a budget. That page would have no styles; the recogniser throws when it is asked.
 */
import type { BunPlugin } from "bun";

/** What stands in the place of each. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "@scalar/themes": 'export const elysiajsTheme = "";',
  "file-type":
    'export function fileTypeFromBlob() { throw new Error("file-type is not part of the executable"); }',
};

export function leaveOut(): BunPlugin {
  const names = Object.keys(LEFT_OUT).join("|");
  return {
    name: "leave-out",
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(?:${names})$`) }, ({ path }) => ({
        path,
        namespace: "left-out",
      }));
      build.onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({
        contents: LEFT_OUT[path] ?? "",
        loader: "js",
      }));
    },
  };
}
