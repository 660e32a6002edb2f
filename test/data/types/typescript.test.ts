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

  test("each kind of table part is written in the shape clients know", async () => {
    const text = await generate();
    expect(text).toContain(`      covers: {
        Row: {
          album_id: number
          url: string
        }
        Insert: {
          album_id: number
          url: string
        }
        Update: {
          album_id?: number
          url?: string
        }
        Relationships: [
          {
            foreignKeyName: "covers_album_id_fkey"
            columns: ["album_id"]
            isOneToOne: true
            referencedRelation: "albums"
            referencedColumns: ["id"]
          },
        ]
      }
`);
    expect(text).toContain(`        Insert: {
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
        }
`);
  });

  test("functions: overloads are a union, sets name their table, no arguments are never", async () => {
    const text = await generate();
    expect(text).toContain(`      find_posts:
        | {
            Args: { author: number }
            Returns: {
`);
    expect(text).toContain("      do_nothing: { Args: never; Returns: undefined }\n");
    expect(text).toContain("            Args: { limit?: number; tags?: string[]; term: string }\n");
    expect(text).toContain(`      author_of: {
        Args: { "": Database["public"]["Tables"]["Posts"]["Row"] }
`);
    expect(text).toContain(`        SetofOptions: {
          from: "Posts"
          to: "members"
          isOneToOne: true
          isSetofReturn: true
        }
`);
  });

  test("a schema without objects of a kind says so, and enums are constants too", async () => {
    const text = await generate();
    expect(text).toContain(`    Views: {
      [_ in never]: never
    }
`);
    expect(text).toContain(`export const Constants = {
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
} as const
`);
  });

  test("of the schemas that are served, unless others are named; another schema's enum is written out", async () => {
    const text = await generate("lang=typescript");
    expect(text).not.toContain("  crew: {");
    expect((await generate("schemas=crew")).match(/^ {2}[a-z]+: \{$/gm)).toEqual([
      "  crew: {",
      "  crew: {",
    ]);
    expect(await generate("schemas=crew")).toContain(
      '          moods: ("sad" | "ok" | "it\'s \\"fine\\"")[]\n',
    );
  });

  test("of a partitioned table there is one, and nothing of extensions", async () => {
    const text = await generate();
    expect(text).toContain("      readings: {\n");
    expect(text).not.toContain("readings_2026");
    expect(await generate("schemas=extensions")).not.toContain("gen_salt");
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
