/**
 * The ready pages and the admin's side of identity in the compiled file: embedded style sheet and
 * script, a form from beginning to end, people managed by an unchanged supabase-js until one is erased.
 */
import { beforeAll, expect, test } from "bun:test";
import { createClient } from "@supabase/supabase-js";
import type { RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";

const PASSWORD = "correct horse battery";
const bench = executableBench("shared");
let server: RunningExecutable;
beforeAll(async () => {
  server = await bench.start(bench.folder(), ["serve", "--port", "0"]);
});

const ui = (path: string) => `${server.url}/auth/ui${path}`;
const cookiesOf = (answer: Response) =>
  answer.headers.getSetCookie().map((line) => line.split(";")[0] ?? "");

test("style sheet and script are in the file", async () => {
  const css = await fetch(ui("/_assets/pages.css"));
  expect([css.status, css.headers.get("content-type")]).toEqual([200, "text/css; charset=utf-8"]);
  expect(await css.text()).toContain("--ui-accent");
  const script = await fetch(ui("/_assets/passkeys.js"));
  expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(await script.text()).toContain("navigator.credentials");
});

test("a form makes an account and signs its person in", async () => {
  const form = await fetch(ui("/sign-up"));
  const [browser = ""] = cookiesOf(form);
  const token = /name="csrf_token" value="([^"]+)"/.exec(await form.text())?.[1] ?? "";
  const body = { csrf_token: token, email: "page@example.test", password: PASSWORD };
  const headers = { cookie: browser, origin: server.url };
  const sent = { method: "POST", body: new URLSearchParams(body), redirect: "manual" } as const;
  const answer = await fetch(ui("/sign-up"), { ...sent, headers });
  expect(answer.status).toBe(303);
  const cookie = [browser, ...cookiesOf(answer)].join("; ");
  const account = await fetch(ui("/account"), { headers: { cookie } });
  expect(await account.text()).toContain("page@example.test");
  const forged = await fetch(ui("/sign-out"), { ...sent, headers: { cookie, origin: server.url } });
  expect(forged.status).toBe(403);
});

test("supabase-js manages people from an imported hash to their erasure", async () => {
  const options = { auth: { persistSession: false, autoRefreshToken: false } };
  const { publishable_key: publishable, secret_key: secret } = server.status;
  const { admin } = createClient(server.url, secret, options).auth;
  const client = () => createClient(server.url, publishable, options).auth;
  const hash = await Bun.password.hash(PASSWORD, { algorithm: "bcrypt", cost: 4 });
  const email = "moved@example.test";
  const made = await admin.createUser({ email, password_hash: hash, email_confirm: true });
  const id = made.data.user?.id ?? "";
  const signIn = () => client().signInWithPassword({ email, password: PASSWORD });
  expect((await signIn()).error).toBeNull();
  const banned = await admin.updateUserById(id, {
    ban_duration: "1h",
    app_metadata: { plan: "gold" },
  });
  expect(banned.data.user?.app_metadata["plan"]).toBe("gold");
  expect((await signIn()).error?.code).toBe("user_banned");
  await admin.updateUserById(id, { ban_duration: "none" });
  expect((await signIn()).error).toBeNull();
  const people = (path: string, method = "POST") =>
    fetch(`${server.url}/auth/v1/admin/users/${id}/${path}`, {
      method,
      headers: { apikey: secret },
    });
  const acting = (await (await people("impersonate")).json()) as { access_token: string };
  expect((await client().getUser(acting.access_token)).data.user?.id).toBe(id);
  expect(await (await people("export", "GET")).text()).toContain(email);
  expect((await people("erase")).status).toBe(200);
  expect((await admin.getUserById(id)).error?.code).toBe("user_not_found");
  const log = await fetch(`${server.url}/auth/v1/admin/audit?user_id=${id}&per_page=1000`, {
    headers: { apikey: secret },
  });
  const text = await log.text();
  expect(text).toContain("user_erased");
  expect(text).not.toContain(email);
});
