/**
 * The bundler plug-in that keeps out of the executable what its libraries import and nothing here asks
 * for: the other page of `@elysiajs/swagger` (its styles), and the recogniser of file types that Elysia
 * loads for schemas of uploads, of which there are none. Each is a hundred kilobytes and more of a download
 * that has a budget. Asked for after all, they throw.
 */
import type { BunPlugin } from "bun";

const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  "@scalar/themes": ["elysiajsTheme"],
  "file-type": ["fileTypeFromBlob"],
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
      build.onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => {
        const names = LEFT_OUT[path] ?? [];
        const lines = names.map((name) => `export const ${name} = "";`);
        return { contents: lines.join("\n"), loader: "js" };
      });
    },
  };
}
