/** `reactor fn new`: a function that runs as it stands. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findProjectDir } from "../core/config/project-dir.ts";
import { FUNCTION_NAME } from "../core/function-settings.ts";
import { CliError } from "./cli-error.ts";
import { type Command, projectOption } from "./command.ts";

const typescript = (name: string) => `/**
 * ${name}: POST /fn/v1/${name} with {"name":"Ada"}.
 *
 * \`import { reactor } from "reactor"\` gives the caller's data, keys, secrets and the log.
 */
export default {
  async fetch(request: Request): Promise<Response> {
    const text = await request.text();
    const { name = "world" } = text === "" ? {} : (JSON.parse(text) as { name?: string });
    return Response.json({ message: \`Hello, \${name}!\` });
  },
};
`;

const assembly = (name: string) => `/**
 * ${name}: POST /fn/v1/${name}; the request's body is the input, the answer's body the output.
 *
 * Build in this folder: npm install && npm run build
 */
import { Host } from "@extism/as-pdk";

export function ${name.replaceAll("-", "_")}(): i32 {
  Host.outputString("Hello, " + Host.inputString() + "!");
  return 0;
}

export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  unreachable();
}
`;

const asconfig = (name: string) =>
  `${JSON.stringify(
    {
      entries: ["assembly/index.ts"],
      targets: { release: { outFile: `${name}.wasm`, optimizeLevel: 3, shrinkLevel: 1 } },
      options: { runtime: "incremental", use: ["abort=assembly/index/abort"] },
    },
    null,
    2,
  )}\n`;

const packageFile = (name: string) =>
  `${JSON.stringify(
    {
      name,
      private: true,
      scripts: { build: "asc --config asconfig.json --target release" },
      dependencies: { "@extism/as-pdk": "1.0.0" },
      devDependencies: { assemblyscript: "^0.28.0" },
    },
    null,
    2,
  )}\n`;

/** Path inside the project -> content. */
function filesOf(name: string, language: string): Readonly<Record<string, string>> {
  if (language === "typescript") return { [`functions/${name}.ts`]: typescript(name) };
  return {
    [`functions/${name}/assembly/index.ts`]: assembly(name),
    [`functions/${name}/asconfig.json`]: asconfig(name),
    [`functions/${name}/package.json`]: packageFile(name),
  };
}

/** A module is to be built before there is anything to deploy. */
function nextSteps(name: string, language: string): string {
  const deploy = `reactor fn deploy ${name}`;
  if (language === "typescript") return deploy;
  return `(cd functions/${name} && npm install && npm run build) && ${deploy}`;
}

export const create: Command = {
  name: "fn new",
  summary: "Make a function in the project",
  usage: "[options] NAME",
  options: {
    language: {
      value: "LANGUAGE",
      short: "l",
      description: "Language (default: typescript)",
      choices: ["typescript", "assemblyscript"],
    },
    ...projectOption,
  },
  args: [1, 1],
  examples: [
    { run: "reactor fn new hello", what: "functions/hello.ts" },
    { run: "reactor fn new shout --language assemblyscript", what: "a WASM module's source" },
  ],
  async run(context) {
    const { host, args, out } = context;
    const name = args[0] ?? "";
    if (!FUNCTION_NAME.test(name)) {
      const hint = `Names match ${FUNCTION_NAME.source}`;
      throw new CliError("user", "invalid_argument", `'${name}' is not a function's name`, hint);
    }
    const { dir } = findProjectDir(context.option("project"), host.cwd);
    if (dir === null) {
      const hint = "Go to its folder, give --project DIR, or make one with `reactor init`";
      throw new CliError("config", "project_not_found", `There is no project in ${host.cwd}`, hint);
    }
    const language = context.option("language") ?? "typescript";
    const files = filesOf(name, language);
    for (const place of [`${name}.ts`, `${name}.wasm`, name]) {
      if (!existsSync(join(dir, "functions", place))) continue;
      throw new CliError("user", "file_exists", `functions/${place} is there already`);
    }
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text, { flag: "wx" });
    }
    const paths = Object.keys(files);
    const lines = [...paths.map((path) => `Made ${path}`), `Next: ${nextSteps(name, language)}`];
    out.result({ name, files: paths }, lines.join("\n"));
    return 0;
  },
};
