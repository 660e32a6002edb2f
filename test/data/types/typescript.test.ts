/** Generated types against what a project does with them: the TypeScript compiler is the judge. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type DataWorld, openDataWorld } from "../data-world.ts";

setDefaultTimeout(60_000);

const ROOT = resolve(import.meta.dir, "../../..");
const SECRET = { role: "service_role" };

let world: DataWorld;
beforeAll(async () => {
  world = await openDataWorld();
  await world.sql.unsafe(readFileSync(join(ROOT, "test/fixtures/rich/schema.sql"), "utf8"));
});
afterAll(() => world.close());

async function generate(query = "lang=typescript&schemas=public,crew"): Promise<string> {
  const answer = await world.ask(`/_types?${query}`, SECRET);
  expect(answer.status).toBe(200);
  return await answer.text();
}

/** The block that begins with this line, without its indent. */
function blockOf(text: string, head: string): string {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => line.trim() === head);
  const indent = (lines[from] ?? "").search(/\S/);
  const length = lines.slice(from + 1).findIndex((line) => line.search(/\S/) <= indent);
  return lines
    .slice(from, from + length + 2)
    .map((line) => line.slice(indent))
    .join("\n");
}

/** Type errors of a project that holds the generated file and `usage`. */
function compile(types: string, usage: string): string {
  const dir = mkdtempSync(join(tmpdir(), "reactor-types-"));
  try {
    symlinkSync(join(ROOT, "node_modules"), join(dir, "node_modules"));
    writeFileSync(join(dir, "database.types.ts"), types);
    writeFileSync(join(dir, "usage.ts"), usage);
    const compilerOptions = {
      target: "ESNext",
      module: "Preserve",
      moduleResolution: "bundler",
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      types: [],
    };
    writeFileSync(join(dir, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    const tsc = join(ROOT, "node_modules/.bin/tsc");
    const ran = Bun.spawnSync([tsc, "-p", dir, "--pretty", "false"], { cwd: dir });
    return ran.stdout.toString() + ran.stderr.toString();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const usage = readFileSync(join(import.meta.dir, "usage.fixture.txt"), "utf8");

describe("generated types", () => {
  test("make a typed client: what exists compiles, what does not is a type error", async () => {
    expect(compile(await generate(), usage)).toBe("");
  });

  test("the compiler does see the usage: without a table it fails", async () => {
    const without = (await generate()).replace("      Posts: {", "      Other: {");
    expect(compile(without, usage)).toContain('"Posts"');
  });

  test("a table has a row, what is inserted and updated, and its relationships", async () => {
    expect(blockOf(await generate(), "note_lines: {")).toBe(`note_lines: {
  Row: {
    line: number
    note_id: number
    text: string | null
  }
  Insert: {
    line: number
    note_id: number
    text?: string | null
  }
  Update: {
    line?: number
    note_id?: number
    text?: string | null
  }
  Relationships: [
    {
      foreignKeyName: "note_lines_note_id_fkey"
      columns: ["note_id"]
      isOneToOne: false
      referencedRelation: "notes"
      referencedColumns: ["id"]
    },
    {
      foreignKeyName: "note_lines_note_id_fkey"
      columns: ["note_id"]
      isOneToOne: false
      referencedRelation: "safe_view"
      referencedColumns: ["id"]
    },
  ]
}`);
  });

  test("what the database makes itself cannot be written, what it can make may be left out", async () => {
    const members = blockOf(await generate(), "members: {");
    expect(blockOf(members, "Insert: {")).toBe(`Insert: {
  boss_id?: number | null
  code?: string | null
  email?: string | null
  flags?: string | null
  full_name?: never
  home?: Database["public"]["CompositeTypes"]["address"] | null
  id?: never
  joined_at?: string
  moods?: Database["public"]["Enums"]["mood"][]
  nick?: string
  rank?: Database["crew"]["Enums"]["Rank"]
  salary?: number | null
}`);
  });

  test("a view has what can be written only if it can be", async () => {
    const text = await generate();
    expect(blockOf(text, "safe_view: {")).toContain("Insert: {\n    id?: number | null\n");
    expect(blockOf(text, "post_counts: {")).toBe(`post_counts: {
  Row: {
    author: number | null
    posts: number | null
  }
  Relationships: []
}`);
  });

  test("functions: overloads are a union, rows of a table name it, no arguments are never", async () => {
    const text = await generate();
    expect(blockOf(text, "find_posts:").match(/Args: .*/g)).toEqual([
      "Args: { author: number }",
      "Args: { limit?: number; tags?: string[]; term: string }",
    ]);
    expect(blockOf(text, "stats: {")).toBe(`stats: {
  Args: never
  Returns: {
    total: number
    newest: string
  }
}`);
    const computed = blockOf(text, "author_of: {");
    expect(computed).toContain('Args: { "": Database["public"]["Tables"]["Posts"]["Row"] }');
    expect(blockOf(computed, "SetofOptions: {")).toBe(`SetofOptions: {
  from: "Posts"
  to: "members"
  isOneToOne: true
  isSetofReturn: true
}`);
    expect(text).not.toContain("price_ranges");
  });

  test("a schema without objects of a kind says so, and enums are constants too", async () => {
    const text = await generate();
    expect(blockOf(text, "Views: {")).toBe("Views: {\n  [_ in never]: never\n}");
    expect(blockOf(text, "export const Constants = {")).toBe(`export const Constants = {
  crew: {
    Enums: {
      Rank: ["low", "high"],
    },
  },
  public: {
    Enums: {
      mood: ["sad", "ok", "it's \\"fine\\""],
    },
  },
} as const`);
  });

  test("of the schemas that are served, or those named; another's enum is written out", async () => {
    const schemasIn = (text: string) =>
      [...blockOf(text, "export type Database = {").matchAll(/^ {2}(\w+): \{$/gm)].map((m) => m[1]);
    expect(schemasIn(await generate("lang=typescript"))).toEqual(["__InternalSupabase", "public"]);
    const crew = await generate("schemas=crew");
    expect(schemasIn(crew)).toEqual(["__InternalSupabase", "crew"]);
    expect(/ moods: (.*)/.exec(crew)?.[1]).toBe('("sad" | "ok" | "it\'s \\"fine\\"")[]');
  });

  test("of a partitioned table there is one, and nothing of extensions", async () => {
    const text = await generate();
    expect(text.match(/ readings\w*: \{/g)).toEqual([" readings: {"]);
    expect((await generate("schemas=extensions")).includes("gen_salt")).toBe(false);
  });
});

describe("who may have them", () => {
  test("nobody is asked for a key, a user is refused", async () => {
    const nobody = await world.ask("/_types");
    expect(nobody.status).toBe(401);
    expect(nobody.headers.get("www-authenticate")).toBe("Bearer");
    expect(await nobody.json()).toMatchObject({ code: "types_need_key" });
    const user = await world.ask("/_types", { userId: "00000000-0000-4000-8000-000000000001" });
    expect(user.status).toBe(403);
    expect(await user.text()).not.toContain("Posts");
  });

  test.each([
    ["lang=rust", "types_language_unknown"],
    ["schemas=public,nothing", "types_schema_unknown"],
    ["schemas=%22%27%3B--", "types_schema_unknown"],
    [`schemas=${Array.from({ length: 51 }, (_, i) => `s${i}`).join(",")}`, "types_schema_unknown"],
  ])("%s is refused", async (query, code) => {
    const answer = await world.ask(`/_types?${query}`, SECRET);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code });
  });
});
