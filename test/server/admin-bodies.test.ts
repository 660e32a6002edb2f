/** `/_admin` does only what its body says, however that body comes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startTestServer, type TestServer } from "../support/server.ts";
import { adminOf, partOf } from "./admin-client.ts";

const SQL = "create table public.planned (id int primary key);\n";

let server: TestServer;
let admin: ReturnType<typeof adminOf>;
beforeAll(async () => {
  server = await startTestServer();
  admin = adminOf(server);
}, 60_000);
afterAll(() => server.stop());

const post = (path: string, type: string, body: string) =>
  fetch(`${server.url}/_admin${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.adminToken}`, "content-type": type },
    body,
  });

const migrations = [{ name: "0001_planned", sql: SQL }];
const pending = async () =>
  (await admin.json<{ pending: string[] }>("POST", "/migrate", { dry_run: true, migrations }))
    .pending;

describe("a dry run", () => {
  test.each(["application/json", "text/plain", "application/x-www-form-urlencoded"])(
    "of migrations stays one when its body comes as %s",
    async (type) => {
      const answer = await post("/migrate", type, JSON.stringify({ dry_run: true, migrations }));
      expect(await answer.json()).toMatchObject({ status: "planned" });
      expect(await pending()).toHaveLength(1);
    },
  );

  test("of a deploy stays one when its body comes as another type", async () => {
    const body = { dry_run: true, migrations: [partOf("0001_planned", SQL)] };
    const answer = await post("/deploy", "text/plain", JSON.stringify(body));
    expect(await answer.json()).toMatchObject({ status: "planned" });
  });

  test.each(["1", "[]", "null", '"dry_run"', '{"dry_run":true', '{"dry-run":true}'])(
    "that cannot be read does nothing: %s",
    async (body) => {
      for (const path of ["/migrate", "/deploy"]) {
        expect((await post(path, "application/json", body)).status).toBe(400);
      }
      expect(await pending()).toHaveLength(1);
    },
  );
});

test("without a body the server's own project is migrated, as before", async () => {
  const answer = await admin.send("POST", "/migrate");
  expect(await answer.json()).toMatchObject({ status: "complete" });
});
