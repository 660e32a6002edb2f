import { describe, expect, test } from "bun:test";
import { parseJsPath, walkJsPath } from "./js-path.ts";

/** docs.postgrest.org, "JWT Role Extraction", and the cases of its own tests. */
const found: readonly (readonly [path: string, claims: unknown, role: unknown])[] = [
  [".role", { role: "author" }, "author"],
  [".postgrest.a_role", { postgrest: { a_role: "author" } }, "author"],
  [".postgrest.roles[1]", { postgrest: { roles: ["other", "author"] } }, "author"],
  ['."https://www.example.com/role".key', { "https://www.example.com/role": { key: "x" } }, "x"],
  ['."https://e.com/roles"[0].value', { "https://e.com/roles": [{ value: "author" }] }, "author"],
  ['.r[?(@ == "author")]', { r: ["other", "author"] }, "author"],
  ['.r[?(@ != "other")]', { r: ["other", "author"] }, "author"],
  ['.r[?(@ ^== "aut")]', { r: ["other", "author"] }, "author"],
  ['.r[?(@ ==^ "hor")]', { r: ["other", "author"] }, "author"],
  ['.r[?(@ *== "utho")]', { r: ["other", "author"] }, "author"],
  ['.r[?(@ *== "_x_")][7:]', { r: ["other", "prefix_a_x_b"] }, "a_x_b"],
  [".w[0][1:]", { w: ["/groupa"] }, "groupa"],
  [".w[1][1:-1]", { w: ["/groupa", "/groupb/"] }, "groupb"],
  [".w[0][:-7]", { w: ["author_suffix"] }, "author"],
  [".w[0][:]", { w: ["author"] }, "author"],
  [".w[0][200:]", { w: ["author"] }, ""],
  [".w[0][11:2]", { w: ["author_and_more"] }, ""],
  [".w[0][1:2]", { w: ["💧é"] }, "é"],
  [".$a@b_c", { "$a@b_c": "r" }, "r"],
  [".größe", { größe: "r" }, "r"],
];

const missing: readonly (readonly [path: string, claims: unknown])[] = [
  [".myDomain[3]", { myDomain: ["other", "author"] }],
  [".myRole", { role: "author" }],
  ['.r[?(@ == "string")]', { r: [{ obj_key: "obj_value" }] }],
  [".role.x", { role: "author" }],
  [".role[0]", { role: "author" }],
  [".a[:1]", { a: ["x"] }],
  [".length", ["x"]],
  [".toString", {}],
  [".__proto__", {}],
];

const invalid = [
  ...["", "role", "role.other", ".role##", ".my_role;;domain", ".#$$%&$%/", "1234", "."],
  ...[
    ".role[?(@ =)]",
    ".r[-1]",
    ".r[",
    ".r[]",
    ".r[?(@ == author)]",
    '.r[?(@ == "a"]',
    " .role",
    ".a b",
  ],
  ...['."open', '.r[?( @ == "a")]'],
];

describe("the path to the role", () => {
  test.each(found)("%s", (path, claims, role) => {
    expect(walkJsPath(claims, parseJsPath(path) ?? [])).toEqual(role);
  });

  test.each(missing)("%s leads nowhere", (path, claims) => {
    const parsed = parseJsPath(path);
    expect(parsed).not.toBeNull();
    expect(walkJsPath(claims, parsed ?? [])).toBeUndefined();
  });

  test.each(invalid.map((path) => [path] as const))("%p is no path", (path) => {
    expect(parseJsPath(path)).toBeNull();
  });
});
