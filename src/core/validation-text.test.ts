import { expect, test } from "bun:test";
import { Elysia, t } from "elysia";
import { validationText } from "./validation-text.ts";

const oneOf = (...values: string[]) => t.Optional(t.Union(values.map((one) => t.Literal(one))));
const app = new Elysia({ normalize: false })
  .onError(({ error }) => validationText(error))
  .get("/", () => "fine", {
    query: t.Object({
      limit: t.Optional(t.Integer({ title: "limit", minimum: 1, maximum: 10 })),
      level: oneOf("info", "warn"),
      follow: t.Optional(t.UnionEnum(["0", "1"])),
      name: t.Optional(t.String({ maxLength: 3 })),
    }),
  })
  .post("/", () => "fine", {
    body: t.Object(
      {
        by: oneOf("request", "caller"),
        percent: t.Optional(t.Number({ minimum: 0, maximum: 100 })),
        version: t.Optional(t.Union([t.String({ maxLength: 64 }), t.Null()])),
      },
      { additionalProperties: false },
    ),
  });

const answerTo = async (path: string, init?: RequestInit) =>
  (await app.handle(new Request(`http://localhost${path}`, init))).text();

test.each([
  ["/?limit=3&level=info&follow=1&name=ada", "fine"],
  ["/?limit=0", "query/limit: Expected integer from 1 to 10"],
  ["/?limit=1.5", "query/limit: Expected integer from 1 to 10"],
  ["/?limit=all", "query/limit: Expected integer from 1 to 10"],
  ["/?level=foo", "query/level: Expected one of 'info', 'warn'"],
  ["/?follow=2", "query/follow: Expected one of '0', '1'"],
  ["/?name=adam", "query/name: Expected string length less or equal to 3"],
])("%s: %s", async (path, text) => {
  expect(await answerTo(path)).toBe(text);
});

test.each([
  [{ by: "x" }, "body/by: Expected one of 'request', 'caller'"],
  [{ percent: 101 }, "body/percent: Expected number from 0 to 100"],
  [{ version: 5 }, "body/version: Expected string of at most 64 characters or null"],
  [{ other: 1 }, "body/other: Property 'other' should not be provided"],
])("%j: %s", async (body, text) => {
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  expect(await answerTo("/", init)).toBe(text);
});
