/** Who the rows are sent as, and where: two people, the project's keys, and tokens that are not good. */

import type { Project } from "../../src/core/project.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { openDirect } from "../../src/postgres/databases.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { loadProject } from "../../src/shared/project.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { loadMasterKey } from "../../src/shared/vault/master-key.ts";
import { createPostgresVault } from "../../src/shared/vault/postgres-vault.ts";
import { silentLog } from "./postgres.ts";
import type { As, RowWorld } from "./rows.ts";
import type { TestServer } from "./server.ts";
import { forge, newKey } from "./token-forge.ts";

export const PASSWORD = "correct horse battery";

interface Person {
  readonly id: string;
  readonly token: string;
  readonly refreshToken: string;
}

/** Signs `name` up on a server. */
export async function signUp(url: string, apikey: string, name: string): Promise<Person> {
  const response = await fetch(`${url}/auth/v1/signup`, {
    method: "POST",
    headers: { "content-type": "application/json", apikey },
    body: JSON.stringify({ email: `${name}@example.test`, password: PASSWORD }),
  });
  if (response.status !== 200) throw new Error(`sign-up of ${name}: ${await response.text()}`);
  const answer = (await response.json()) as {
    access_token: string;
    refresh_token: string;
    user: { id: string };
  };
  return { id: answer.user.id, token: answer.access_token, refreshToken: answer.refresh_token };
}

/** The identity of a running server, read as the server itself reads it. */
export async function projectOf(
  server: Pick<TestServer, "ownerUrl" | "vaultKey" | "dataDir">,
): Promise<Project> {
  const sql = openDirect(server.ownerUrl, silentLog);
  try {
    const masterKey = await loadMasterKey({
      value: server.vaultKey,
      dataDir: server.dataDir,
      rng: systemRng,
      log: silentLog,
    });
    const databases = { for: () => ({ system: sql, direct: sql }) };
    const vault = createPostgresVault({
      databases,
      master: { kind: "key", key: masterKey, file: null },
      rng: systemRng,
      log: silentLog,
    });
    const ids = createIds(systemClock, systemRng);
    return await loadProject({ vault, tenant: DEFAULT_TENANT, ids, publicUrl: "" });
  } finally {
    await sql.end();
  }
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

/** Tokens that must be refused, each good but for one thing. */
export function badTokens(project: Project, good: string) {
  const [key] = project.signingKeys;
  if (!key) throw new Error("the project has no signing key");
  const claims = claimsOf(good);
  const header = { alg: "ES256", kid: key.kid, typ: "JWT" };
  const now = Math.floor(systemClock.now() / 1000);
  return {
    expired: forge(key, header, { ...claims, iat: now - 7200, exp: now - 3600 }),
    forged: forge(newKey(key.kid), header, claims),
    foreign: forge(key, header, { ...claims, iss: "https://elsewhere.example.test" }),
    // 14 of 86 characters: what is left is canonical base64url, whatever the signature was.
    truncated: good.slice(0, -14),
  };
}

/**
 * Signs alice and bob up at `auth` and tells how to send as each kind of caller.
 * @param urlFor the base URL that serves a path.
 */
export async function createRowWorld(
  auth: TestServer,
  urlFor: (path: string) => string,
): Promise<RowWorld> {
  const [alice, bob] = [
    await signUp(auth.url, auth.publishableKey, "alice"),
    await signUp(auth.url, auth.publishableKey, "bob"),
  ];
  const tokens: Partial<Record<As, string>> = {
    alice: alice.token,
    bob: bob.token,
    ...badTokens(await projectOf(auth), alice.token),
  };
  return {
    urlFor,
    names: {
      "alice.id": alice.id,
      "alice.token": alice.token,
      "alice.refresh_token": alice.refreshToken,
      "bob.id": bob.id,
      "bob.token": bob.token,
      "bob.refresh_token": bob.refreshToken,
      publishable: auth.publishableKey,
      secret: auth.secretKey,
    },
    credentials(as) {
      if (as === "anon") return {};
      if (as === "publishable") return { apikey: auth.publishableKey };
      if (as === "secret") return { apikey: auth.secretKey };
      return { apikey: auth.publishableKey, authorization: `Bearer ${tokens[as] ?? ""}` };
    },
  };
}
