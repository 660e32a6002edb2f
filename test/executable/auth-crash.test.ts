/**
 * Identity under `kill -9`: while people sign up and refresh, while the signing keys and the vault's
 * keys rotate. Whatever was acknowledged stands in the next life of the server, and it starts.
 */
import { expect, test } from "bun:test";
import type { RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { createSeededRng } from "../support/seeded-rng.ts";

const bench = executableBench();
const ROUNDS = 6;

/** Cheap hashes, no limits, and a grace that outlives a slow restart: a refresh may be lost unanswered. */
const ENV = {
  REACTOR_AUTH__HASH_MEMORY_KIB: "4096",
  REACTOR_AUTH__HASH_ITERATIONS: "1",
  REACTOR_AUTH__REFRESH_TOKEN_GRACE_S: "300",
  REACTOR_AUTH__RATE_LIMIT_SIGNUP: "1000000",
  REACTOR_AUTH__RATE_LIMIT_REFRESH: "1000000",
};

interface Person {
  accessToken: string;
  refreshToken: string;
}

/** What the server has said yes to, over all of its lives. */
interface Acknowledged {
  readonly people: Person[];
  keyRotations: number;
  vaultRotations: number;
}

const json = (response: Response) => response.json() as Promise<Record<string, string>>;

async function post(server: RunningExecutable, path: string, body: unknown, bearer?: string) {
  return fetch(`${server.url}${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(body),
  });
}

const personIn = (body: Record<string, string>): Person => ({
  accessToken: body["access_token"] ?? "",
  refreshToken: body["refresh_token"] ?? "",
});

const refresh = (server: RunningExecutable, { refreshToken }: Person) =>
  post(server, "/auth/v1/token?grant_type=refresh_token", { refresh_token: refreshToken });

/** Everything at once until the server is gone. */
async function work(server: RunningExecutable, done: Acknowledged, round: number): Promise<void> {
  const { secret_key: secret, admin_token: admin } = server.status;
  const lanes = [
    async (n: number) => {
      const email = `crash-${round}-${n}@example.test`;
      const answer = await post(server, "/auth/v1/signup", { email, password: "correct horse" });
      if (answer.ok) done.people.push(personIn(await json(answer)));
    },
    async (n: number) => {
      const person = done.people[n % Math.max(1, done.people.length)];
      if (!person) return Bun.sleep(5);
      const answer = await refresh(server, person);
      if (answer.ok) Object.assign(person, personIn(await json(answer)));
    },
    async () => {
      const answer = await post(server, "/auth/v1/admin/keys/rotate", { force: true }, secret);
      await answer.arrayBuffer();
      if (answer.ok) done.keyRotations += 1;
      else await Bun.sleep(50);
    },
    async () => {
      const answer = await post(server, "/_admin/vault/rotate", {}, admin);
      await answer.arrayBuffer();
      if (answer.ok) done.vaultRotations += 1;
    },
  ];
  const loop = async (lane: (n: number) => Promise<void>) => {
    for (let n = 0; ; n += 1) await lane(n);
  };
  // Each lane ends with the first request that the dead server does not answer.
  await Promise.allSettled(lanes.map(loop));
}

async function expectAllStands(server: RunningExecutable, done: Acknowledged): Promise<void> {
  const { secret_key: secret, admin_token: admin } = server.status;
  const get = async (path: string, bearer: string) => {
    const response = await fetch(`${server.url}${path}`, {
      headers: { authorization: `Bearer ${bearer}` },
    });
    return {
      status: response.status,
      body: (await response.json()) as { keys?: { state: string }[] },
    };
  };
  for (const person of done.people) {
    expect((await get("/auth/v1/user", person.accessToken)).status).toBe(200);
    const again = await refresh(server, person);
    expect(again.status).toBe(200);
    Object.assign(person, personIn(await json(again)));
  }
  const keys = (await get("/auth/v1/admin/keys", secret)).body.keys ?? [];
  expect(keys.filter((key) => key.state === "active").length).toBe(1);
  expect(keys.filter((key) => key.state === "next").length).toBe(1);
  expect((await get("/_admin/vault", admin)).body).toMatchObject({ source: "file" });
}

test("identity stands after each kill: people, tokens, signing keys, the vault", async () => {
  const folder = bench.folder();
  const rng = createSeededRng(20_261);
  const done: Acknowledged = { people: [], keyRotations: 0, vaultRotations: 0 };
  const secrets = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const args = ["serve", "--data-dir", "data", "--port", "0"];
    const server = await bench.start(folder, args, { env: ENV });
    secrets.add(server.status.secret_key);
    await expectAllStands(server, done);
    const working = work(server, done, round);
    await Bun.sleep(300 + rng.below(1200));
    server.kill("SIGKILL");
    await Promise.all([working, server.ended]);
  }
  const last = await bench.start(folder, ["serve", "--data-dir", "data", "--port", "0"], {
    env: ENV,
  });
  await expectAllStands(last, done);
  // A kill between the rotation's commit and the key file's change leaves a key that was never used.
  const { admin_token: admin } = last.status;
  expect((await post(last, "/_admin/vault/rotate", {}, admin)).status).toBe(200);
  const vault = await fetch(`${last.url}/_admin/vault`, {
    headers: { authorization: `Bearer ${admin}` },
  });
  expect(await vault.json()).toMatchObject({ source: "file", pending: false });
  expect(secrets.size).toBe(1);
  expect(done.people.length).toBeGreaterThan(ROUNDS);
  expect(done.keyRotations).toBeGreaterThan(3);
  expect(done.vaultRotations).toBeGreaterThan(3);
});
