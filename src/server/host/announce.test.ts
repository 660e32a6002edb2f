/** What a developer is told of a server is what that server has. */
import { expect, test } from "bun:test";
import type { ServerStatus } from "../../core/server-status.ts";
import { developerPage } from "./announce.ts";

const STATUS: ServerStatus = {
  url: "http://127.0.0.1:7890",
  pid: 1,
  publishable_key: "sb_publishable_x",
  secret_key: "sb_secret_x",
  jwks_url: "",
  database_url: "postgresql://x",
  version: "1",
  capabilities: { auth: { status: "mounted" }, data: { status: "mounted" } },
  data_dir: "/srv/.reactor",
  started_at: "2026-01-01T00:00:00.000Z",
};

test("keys, inbox and sign-up are shown where they are", () => {
  const page = developerPage(STATUS, "notes", "hello");
  for (const part of ["/auth/ui/_inbox", "sb_publishable_x", "sb_secret_x", "/auth/v1/signup"]) {
    expect(page).toContain(part);
  }
  expect(page).toContain("/data/v1/notes?limit=5' -H 'apikey: sb_publishable_x'");
});

test("nothing is shown of a capability or a key that the server does not have", () => {
  const { data } = STATUS.capabilities;
  const alone = {
    ...{ ...STATUS, publishable_key: "", secret_key: "" },
    capabilities: data ? { data } : {},
  };
  const page = developerPage(alone, "notes", null);
  expect(page).not.toMatch(/auth|apikey|key|Inbox/);
  expect(page).toContain("Try:\n    curl 'http://127.0.0.1:7890/data/v1/notes?limit=5'\n");
  expect(developerPage(alone, null, null)).not.toContain("Try:");
});
