/** Hooks that are functions of this very server, called through the socket of its own children. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { startTestServer, type TestServer } from "../support/server.ts";

setDefaultTimeout(120_000);

const GATE = `export default {
  async fetch(request) {
    const caller = JSON.parse(request.headers.get("x-reactor-auth"));
    if (caller.role !== "service_role") return new Response(null, { status: 401 });
    const { user } = await request.json();
    if (user.email.startsWith("slow")) await new Promise((resolve) => setTimeout(resolve, 30_000));
    if (user.email.startsWith("crash")) throw new Error("a defect");
    if (!user.email.endsWith("@welcome.test"))
      return Response.json({ error: { http_code: 403, message: "Not from there" } });
    return Response.json({});
  },
};`;

const CLAIMS = `export default async function (request) {
  const { claims, user_id } = await request.json();
  return Response.json({ claims: { ...claims, plan: "pro", seen: user_id } });
}`;

let server: TestServer;
let project: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "reactor-hooks-"));
  mkdirSync(join(project, "functions"));
  writeFileSync(join(project, "functions/gate.ts"), GATE);
  writeFileSync(join(project, "functions/claims.ts"), CLAIMS);
  server = await startTestServer({
    project,
    only: ["auth", "functions"],
    config: {
      auth: {
        "hooks.before_user_created.uri": "function:gate",
        "hooks.before_user_created.timeout_ms": 5000,
        "hooks.custom_access_token.uri": "function:claims",
      },
    },
  });
  // A process takes its time to start on a busy machine, and a hook has little.
  for (const name of ["gate", "claims"]) await call(name, server.secretKey);
});
afterAll(async () => {
  await server.stop();
  rmSync(project, { recursive: true });
});

const call = (name: string, apikey: string) =>
  fetch(`${server.url}/fn/v1/${name}`, {
    method: "POST",
    headers: { apikey, "content-type": "application/json" },
    body: JSON.stringify({ user: { email: "eve@welcome.test" }, claims: {} }),
  });

async function signUp(email: string) {
  const answer = await fetch(`${server.url}/auth/v1/signup`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password: "correct horse battery" }),
  });
  const body = (await answer.json()) as Record<string, string> & { user?: { id: string } };
  return { status: answer.status, body };
}

test("a function decides who may have an account, and adds to the token", async () => {
  const refused = await signUp("eve@elsewhere.test");
  expect([refused.status, refused.body["message"]]).toEqual([403, "Not from there"]);
  const { status, body } = await signUp("ada@welcome.test");
  expect(status).toBe(200);
  expect(decodeJwt(body["access_token"] ?? "")).toMatchObject({
    plan: "pro",
    seen: body.user?.id ?? "",
    sub: body.user?.id ?? "",
  });
});

test.each([
  ["slow@welcome.test", 422, "hook_timeout"],
  ["crash@welcome.test", 500, "unexpected_failure"],
])("a function that is no help refuses: %s", async (email, status, code) => {
  const answer = await signUp(email);
  expect([answer.status, answer.body["code"]]).toEqual([status, code]);
});

test("nobody else is a hook's caller", async () => {
  const answer = await call("gate", server.publishableKey);
  expect(answer.status).toBe(401);
});
