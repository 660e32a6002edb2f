/**
 * The house rules that a machine can see: which room may import which, how long a file may be, and
 * the calls that belong to one place only. `planted` cases prove that each rule can fail.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

const ROOT = join(import.meta.dir, "..");
const FILE_LINES_MAX = 400;

/** What each room may import, itself aside. `main.ts` and `roles.ts` stand above all rooms. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  postgres: ["core"],
  shared: ["core", "postgres"],
  actor: ["core", "postgres", "shared"],
  runtime: ["core", "postgres", "shared"],
  capabilities: ["core", "postgres", "shared", "actor", "runtime"],
  server: ["core", "postgres", "shared", "actor", "runtime", "capabilities"],
  cli: ["core"],
  sdk: [],
  studio: ["sdk"],
  top: ["core", "postgres", "shared", "runtime", "capabilities", "server", "cli"],
};

/** A thing that may be written in some places only. */
interface Reserved {
  readonly what: string;
  readonly pattern: RegExp;
  readonly allowed: RegExp;
}

/** Child processes of ours have no server to be given a clock by. */
const CHILD_ROLES =
  /^src\/(?:runtime\/(?:.*(?:runner|host|worker|child)|jail\/enter-jail)|postgres\/embedded\/shim)/;

const RESERVED: readonly Reserved[] = [
  { what: "process.env", pattern: /\bprocess\.env\b/, allowed: /^src\/core\/config\// },
  {
    what: "time and timers",
    pattern: /\b(?:Date\.now|performance\.now|setTimeout|setInterval|Bun\.sleep)\(|\bnew Date\(\)/,
    allowed: /^src\/shared\/clock\.ts$/,
  },
  {
    what: "randomness",
    pattern: /\bMath\.random\(|\bcrypto\.randomUUID\(|\bgetRandomValues\(|\brandomBytes\(/,
    allowed: /^src\/shared\/rng\.ts$/,
  },
  {
    what: "elysia",
    pattern: /from "elysia"/,
    allowed:
      /^src\/(?:core\/(?:http|capability)\.ts|server\/.*|capabilities\/[^/]+\/(?:.+\/)?routes\.ts)$/,
  },
  {
    what: "the postgres and drizzle packages (values)",
    pattern: /^import (?!type\b).*from "(?:postgres|drizzle-orm[^"]*)"/m,
    allowed: /^src\/(?:postgres|shared)\/|\/(?:[a-z]+-)?store(?:-[a-z]+)?\.ts$|\/schema\.ts$/,
  },
  { what: "process.exit", pattern: /\bprocess\.exit\(/, allowed: /^src\/main\.ts$/ },
  {
    what: "a module-level pool, cache or key set",
    pattern:
      /^(?:export )?(?:let|const) \w*(?:pool|cache|keys)\w*\s*(?::[^=]+)?= new (?:Map|Set|LRU)/im,
    allowed: /^$/,
  },
];

interface Source {
  readonly path: string;
  readonly text: string;
}

function sourcesUnder(dir: string): Source[] {
  return readdirSync(join(ROOT, dir), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => posix.join(entry.parentPath.slice(ROOT.length + 1), entry.name))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

function roomOf(path: string): string {
  const parts = path.split("/");
  return parts.length === 2 ? "top" : (parts[1] ?? "top");
}

function capabilityOf(path: string): string | null {
  return /^src\/capabilities\/([^/]+)\//.exec(path)?.[1] ?? null;
}

function importsOf(source: Source): string[] {
  const found = source.text.matchAll(/(?:from|import\(|new URL\()\s*"(\.{1,2}\/[^"]+)"/g);
  return [...found]
    .map(([, spec = ""]) => posix.normalize(posix.join(dirname(source.path), spec)))
    .filter((path) => path.startsWith("src/"));
}

/** Every breach of the import table in one file. */
function importFaults(source: Source): string[] {
  const from = roomOf(source.path);
  const isTest = source.path.endsWith(".test.ts");
  return importsOf(source).flatMap((target) => {
    const to = roomOf(target);
    const [mine, theirs] = [capabilityOf(source.path), capabilityOf(target)];
    if (mine !== null && theirs !== null && mine !== theirs) {
      return [`${source.path} imports ${target}: capabilities are strangers to one another`];
    }
    if (from === to || isTest || MAY_IMPORT[from]?.includes(to)) return [];
    return [`${source.path} imports ${target}: '${from}' may not import '${to}'`];
  });
}

/** Without comments: a rule's name in prose breaks nothing. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

function reservedFaults(source: Source): string[] {
  if (source.path.endsWith(".test.ts") || CHILD_ROLES.test(source.path)) return [];
  const code = codeOf(source.text);
  return RESERVED.filter((rule) => rule.pattern.test(code) && !rule.allowed.test(source.path)).map(
    (rule) => `${source.path} uses ${rule.what}`,
  );
}

function sizeFaults(source: Source): string[] {
  const lines = source.text.split("\n").length;
  return lines > FILE_LINES_MAX
    ? [`${source.path} has ${lines} lines (max ${FILE_LINES_MAX})`]
    : [];
}

function headerFaults(source: Source): string[] {
  const first = source.text.trimStart();
  const exempt = source.path.endsWith(".test.ts");
  return exempt ||
    /^(?:#!.*\n\s*)?(?:\/\*\*|\/\*|\/\/)/.test(first) ||
    /^(?:import|export)[\s\S]{0,2000}?\/\*\*/.test(first)
    ? []
    : [`${source.path} says nowhere what lives in it`];
}

const sources = sourcesUnder("src");

describe("the house", () => {
  test("imports point inward and capabilities never meet", () => {
    expect(sources.flatMap(importFaults)).toEqual([]);
  });

  test("reserved calls stay in their place", () => {
    expect(sources.flatMap(reservedFaults)).toEqual([]);
  });

  test("no source file is over 400 lines", () => {
    expect(sources.flatMap(sizeFaults)).toEqual([]);
  });

  test("every file says what lives in it", () => {
    expect(sources.flatMap(headerFaults)).toEqual([]);
  });

  test("a capability's folder has the files every capability has", () => {
    const names = new Set(sources.map((s) => capabilityOf(s.path)).filter((n) => n !== null));
    const missing = [...names].flatMap((name) =>
      ["index", "config", "routes", "errors"]
        .map((file) => `src/capabilities/${name}/${file}.ts`)
        .filter((path) => !sources.some((s) => s.path === path)),
    );
    expect(missing).toEqual([]);
  });

  test("every listed capability has a docs page", () => {
    const names = [...new Set(sources.map((s) => capabilityOf(s.path)).filter((n) => n !== null))];
    const pages = readdirSync(join(ROOT, "docs"));
    expect(names.filter((name) => !pages.includes(`${name}.md`))).toEqual([]);
  });

  test("the changelog has an entry for the version", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(readFileSync(join(ROOT, "CHANGELOG.md"), "utf8")).toContain(`## ${version}`);
  });
});

describe("planted breaches are found", () => {
  const plant = (path: string, text: string): Source => ({ path, text });

  test.each([
    ["src/core/x.ts", 'import { y } from "../shared/clock.ts";'],
    ["src/capabilities/data/x.ts", 'import { y } from "../auth/store.ts";'],
    ["src/cli/x.ts", 'import type { y } from "../server/boot/boot.ts";'],
    ["src/postgres/x.ts", 'const y = await import("../shared/ids.ts");'],
  ])("an import from %s", (path, text) => {
    expect(importFaults(plant(path, text))).toHaveLength(1);
  });

  test.each([
    ["process.env", "const x = process.env.HOME;"],
    ["a clock", "const x = Date.now();"],
    ["a timer", "setTimeout(() => {}, 5);"],
    ["randomness", "const x = Math.random();"],
    ["elysia", 'import { Elysia } from "elysia";'],
    ["postgres", 'import postgres from "postgres";'],
    ["exit", "process.exit(1);"],
    ["a cache in a module variable", "const planCache = new Map<string, string>();"],
  ])("%s in a capability's operation", (_what, text) => {
    expect(reservedFaults(plant("src/capabilities/data/list-rows.ts", text))).toHaveLength(1);
  });

  test("a file of 401 lines", () => {
    expect(sizeFaults(plant("src/core/x.ts", "\n".repeat(400)))).toHaveLength(1);
  });
});
