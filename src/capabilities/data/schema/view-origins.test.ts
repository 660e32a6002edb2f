import { describe, expect, test } from "bun:test";
import { readOrigins } from "./view-origins.ts";

const entry = (
  resno: number,
  name: string,
  table: number,
  column: number,
  expr = "{VAR :varno 1}",
) =>
  `{TARGETENTRY :expr ${expr} :resno ${resno} :resname ${name} :ressortgroupref 0 :resorigtbl ${table} :resorigcol ${column} :resjunk false}`;
const query = (entries: string, rtable = "<>") =>
  `({QUERY :commandType 1 :rtable ${rtable} :jointree {FROMEXPR :fromlist <>} :targetList (${entries}) :override 0 :returningList <>})`;

describe("columns of a view", () => {
  test("are those of the outermost target list that come from a relation", () => {
    expect(readOrigins(query(`${entry(1, "a", 16385, 3)} ${entry(2, "b", 0, 0)}`))).toEqual([
      { column: 1, relation: 16385, relationColumn: 3 },
    ]);
  });

  test("not those of a subquery, neither in FROM nor in an expression", () => {
    const inner = query(entry(1, "x", 7, 7)).slice(1, -1);
    const action = query(
      entry(1, "a", 5, 1, `{SUBLINK :subselect ${inner}}`),
      `({RANGETBLENTRY :subquery ${inner}})`,
    );
    expect(readOrigins(action)).toEqual([{ column: 1, relation: 5, relationColumn: 1 }]);
  });

  test("whatever they are called", () => {
    const names = ["\\(", "\\)\\}", "\\ :resorigtbl\\ 9\\ ", "\\{TARGETENTRY", "<>", "\\\\"];
    const action = query(names.map((name, i) => entry(i + 1, name, 5, i + 1)).join(" "));
    expect(readOrigins(action)).toEqual(
      names.map((_, i) => ({ column: i + 1, relation: 5, relationColumn: i + 1 })),
    );
  });

  test("of no query are none", () => {
    expect(readOrigins("<>")).toEqual([]);
    expect(readOrigins("")).toEqual([]);
  });
});
