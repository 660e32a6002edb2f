/** The signing keys through their lives: announced before use, kept while tokens live, and never in between. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createLocalJWKSet, jwtVerify } from "jose";
import { keyRotator } from "../../src/capabilities/auth/keys/key-rotator.ts";
import { tendSigningKeys } from "../../src/capabilities/auth/keys/rotate-keys.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { createLocalAuth } from "../../src/shared/auth/create-local-auth.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { loadProject, RING_PATH } from "../../src/shared/project.ts";
import { createProjectCache } from "../../src/shared/project-cache.ts";
import { settle } from "../support/sim-clock.ts";
import { until } from "../support/until.ts";
import { type AuthWorld, openAuthWorld, signIn, signUp } from "./auth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const SECRET = "sb_secret_test";
const ANNOUNCE_MS = 3_600_000;
const DAY_MS = 86_400_000;
let world: AuthWorld;

const open = async (...overrides: Parameters<typeof openAuthWorld>) => {
  world = await openAuthWorld(...overrides);
};
afterEach(() => world?.close());

interface KeyView {
  readonly kid: string;
  readonly alg: string;
  readonly state: string;
  readonly ready_at: string | null;
  readonly ends_at: string | null;
}

const keys = async (): Promise<KeyView[]> =>
  (await world.send("GET", "/auth/v1/admin/keys", { bearer: SECRET })).body.keys;
const kidOf = async (state: string) => (await keys()).find((key) => key.state === state)?.kid ?? "";
const rotate = (body: object = {}) =>
  world.send("POST", "/auth/v1/admin/keys/rotate", { bearer: SECRET, body });
const jwks = async () => (await world.send("GET", "/auth/v1/.well-known/jwks.json")).body;
const published = async () => ((await jwks()).keys as KeyView[]).map((key) => key.kid);
const tend = () => tendSigningKeys(world.state, DEFAULT_TENANT);
const headerOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as {
    kid: string;
    alg: string;
  };
const isGood = async (token: string) =>
  (await world.send("GET", "/auth/v1/user", { bearer: token })).status === 200;

/** Another server on the same vault, that hears nothing of this one's bus. */
function deafServer() {
  const { vault, ids, clock, log } = world.state.deps;
  const load = () => loadProject({ vault, tenant: DEFAULT_TENANT, ids, publicUrl: "" });
  const projects = createProjectCache({ load, bus: createMemoryBus(log), clock, log });
  return createLocalAuth({ project: projects.of, lookAgain: projects.lookAgain, clock });
}

describe("rotation", () => {
  beforeEach(() => open());

  test("an installation has one key that signs and the next one, both announced", async () => {
    const { accessToken } = await signUp(world, "first@example.test");
    // There from the beginning: the next one need not wait.
    const lives = (await keys()).map((key) => [key.state, key.ready_at]);
    expect(lives).toEqual([
      ["active", null],
      ["next", null],
    ]);
    expect(headerOf(accessToken).kid).toBe(await kidOf("active"));
    expect(await published()).toEqual([await kidOf("active"), await kidOf("next")]);
    expect(JSON.stringify(await jwks())).not.toContain('"d"');
    expect(JSON.stringify(await keys())).not.toContain('"d"');
  });

  test("the next key signs, tokens of the one before stay good, and a new next is announced", async () => {
    const before = await signUp(world, "turn@example.test");
    const [active, next] = [await kidOf("active"), await kidOf("next")];
    expect((await rotate()).status).toBe(200);
    const after = await signIn(world, "turn@example.test");
    expect(headerOf(after.accessToken).kid).toBe(next);
    expect(await isGood(before.accessToken)).toBe(true);
    expect(await isGood(after.accessToken)).toBe(true);
    const now = await keys();
    expect(now.map((key) => key.state)).toEqual(["active", "next", "previous"]);
    expect(now[2]?.kid).toBe(active);
    expect(await published()).toEqual(now.map((key) => key.kid));
    for (const { accessToken } of [before, after]) {
      const { payload } = await jwtVerify(accessToken, createLocalJWKSet(await jwks()), {
        issuer: world.project.issuer,
        audience: "authenticated",
        currentDate: new Date(world.clock.now()),
      });
      expect(payload.sub).toBe(before.userId);
    }
  });

  test("a key that was announced a moment ago does not sign yet, unless forced", async () => {
    await rotate();
    expect((await keys()).map((key) => key.ready_at !== null)).toEqual([false, true, false]);
    const early = await rotate();
    expect([early.status, early.body.code]).toEqual([409, "signing_key_not_announced"]);
    await world.clock.advance(ANNOUNCE_MS - 1);
    expect((await rotate()).status).toBe(409);
    expect((await rotate({ force: true })).status).toBe(200);
    await world.clock.advance(ANNOUNCE_MS);
    expect((await rotate()).status).toBe(200);
  });

  test("a previous key goes when its last token has expired, and not before", async () => {
    const one = await signUp(world, "last@example.test");
    const kid = await kidOf("active");
    await rotate();
    // A server that learns late may have signed with it for a while yet.
    await world.clock.advance(3_600_000 + 299_999);
    await tend();
    expect(await published()).toContain(kid);
    await world.clock.advance(1);
    expect(await published()).not.toContain(kid);
    await tend();
    expect((await keys()).map((key) => key.state)).toEqual(["active", "next"]);
    expect((await world.send("GET", "/auth/v1/user", { bearer: one.accessToken })).status).toBe(
      401,
    );
  });

  test("its private part is destroyed with its turn", async () => {
    await rotate();
    const kept = await world.state.deps.vault.get(DEFAULT_TENANT, RING_PATH);
    const ring = JSON.parse(kept?.value ?? "") as {
      keys: { state: string; key: { privateJwk: object } }[];
    };
    const previous = ring.keys.find((key) => key.state === "previous");
    expect(previous?.key.privateJwk).toEqual({});
  });

  test("a lifetime that was longer once is remembered by the key it was signed with", async () => {
    await tend();
    const longer = { ...world.state.config, access_token_ttl_s: 604_800 };
    const state = { ...world.state, config: longer };
    await tendSigningKeys(state, DEFAULT_TENANT);
    const kid = await kidOf("active");
    await rotate();
    await world.clock.advance(604_800_000 + 299_999);
    expect(await published()).toContain(kid);
    await world.clock.advance(1);
    expect(await published()).not.toContain(kid);
  });

  test("the timer turns after the configured time, once, whoever runs it", async () => {
    await tend();
    const [active, next] = [await kidOf("active"), await kidOf("next")];
    await world.clock.advance(90 * DAY_MS - 1);
    await tend();
    expect(await kidOf("active")).toBe(active);
    await world.clock.advance(1);
    await Promise.all([tend(), tend(), tend()]);
    expect(await kidOf("active")).toBe(next);
    expect((await keys()).length).toBe(3);
    const rotations = await world.sql`
      select 1 from auth.audit_log_entries where payload ->> 'action' = 'signing_key_rotated'`;
    expect(rotations.length).toBe(1);
  });

  test("is written down with its event, and without anything secret", async () => {
    await rotate({ force: true });
    const kid = await kidOf("active");
    const [entry] = await world.sql`
      select payload::text as text from auth.audit_log_entries
      where payload ->> 'action' = 'signing_key_rotated'`;
    expect(entry?.["text"]).toContain(kid);
    expect(entry?.["text"]).not.toContain('"d"');
    const [event] = await world.sql`
      select subject, data from reactor.events where type = 'auth.signing_key_rotated'`;
    expect(event).toEqual({ subject: kid, data: { kid, forced: true } });
  });

  test("by many at once turns one after the other, and every token stays good", async () => {
    const one = await signUp(world, "many@example.test");
    const answers = await Promise.all(Array.from({ length: 3 }, () => rotate({ force: true })));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect((await keys()).length).toBe(5);
    expect(await isGood(one.accessToken)).toBe(true);
  });

  test("beyond sixteen keys is refused", async () => {
    for (let count = 2; count < 16; count += 1)
      expect((await rotate({ force: true })).status).toBe(200);
    const over = await rotate({ force: true });
    expect([over.status, over.body.code]).toEqual([409, "signing_keys_many"]);
  });

  test("a write that fails leaves the ring that stood, and every token good", async () => {
    await signUp(world, "crash@example.test");
    const before = await keys();
    const { deps } = world.state;
    const vault = { ...deps.vault, replace: () => Promise.reject(new Error("planted")) };
    const state = { ...world.state, deps: { ...deps, vault } };
    await world.clock.advance(91 * DAY_MS);
    expect(tendSigningKeys(state, DEFAULT_TENANT)).rejects.toThrow("planted");
    expect(await keys()).toEqual(before);
    expect(await isGood((await signIn(world, "crash@example.test")).accessToken)).toBe(true);
  });
});

test("the timer runs on one server, and on another when that one stops", async () => {
  await open({ signing_key_rotation_s: 300, signing_key_announce_s: 0 });
  const other = {
    ...world.state.deps,
    server: { ...world.state.deps.server, instanceId: "other" },
  };
  const services = [world.state, { ...world.state, deps: other }].map((state) =>
    keyRotator(state, DEFAULT_TENANT),
  );
  for (const service of services) await service.start();
  const holder = async () =>
    (await world.state.deps.leases.holder(DEFAULT_TENANT, "auth.key_rotator"))?.holder;
  /** Steps through time until the key that signs is another one. */
  const turned = async (from: string) => {
    await until("another key signs", async () => {
      await world.clock.advance(30_000);
      return (await kidOf("active")) !== from;
    });
  };
  const first = await kidOf("active");
  await turned(first);
  expect(await holder()).toBe("test");
  await services[0]?.stop(1_000);
  await turned(await kidOf("active"));
  expect(await holder()).toBe("other");
  await services[1]?.stop(1_000);
  expect(world.log.lines.filter((line) => line.level === "error")).toEqual([]);
});

describe("other servers", () => {
  beforeEach(() => open());

  const verdict = async (auth: ReturnType<typeof deafServer>, bearer: string) => {
    try {
      return (await auth.authenticate(DEFAULT_TENANT, { bearer, apikey: null })).userId;
    } catch {
      return "refused";
    }
  };

  test("verify tokens of a key they have not heard of", async () => {
    const other = deafServer();
    const one = await signUp(world, "deaf@example.test");
    expect(await verdict(other, one.accessToken)).toBe(one.userId);
    await rotate({ force: true });
    await rotate({ force: true });
    const two = await signIn(world, "deaf@example.test");
    expect(await verdict(other, two.accessToken)).toBe(one.userId);
    expect(await verdict(other, one.accessToken)).toBe(one.userId);
  });

  test("are told, and go on without a restart", async () => {
    const { vault, ids, clock, log } = world.state.deps;
    const bus = createMemoryBus(log);
    const load = () => loadProject({ vault, tenant: DEFAULT_TENANT, ids, publicUrl: "" });
    const [one, two] = [0, 1].map(() => createProjectCache({ load, bus, clock, log }));
    if (!one || !two) throw new Error("no servers");
    const follower = two.follower(() => [DEFAULT_TENANT]);
    await follower.start();
    const before = await two.of(DEFAULT_TENANT);
    expect(await two.of(DEFAULT_TENANT)).toBe(before);
    await rotate();
    await one.changed(DEFAULT_TENANT);
    await settle(500);
    expect((await two.of(DEFAULT_TENANT)).signingKeys[0]?.kid).toBe(await kidOf("active"));
    await follower.stop(1_000);
  });

  test("look for themselves once a minute, and keep the object while nothing changed", async () => {
    const { vault, ids, clock, log } = world.state.deps;
    const load = () => loadProject({ vault, tenant: DEFAULT_TENANT, ids, publicUrl: "" });
    const deaf = createProjectCache({ load, bus: createMemoryBus(log), clock, log });
    const follower = deaf.follower(() => [DEFAULT_TENANT]);
    await follower.start();
    const before = await deaf.of(DEFAULT_TENANT);
    await world.clock.advance(60_000);
    expect(await deaf.of(DEFAULT_TENANT)).toBe(before);
    await rotate();
    await world.clock.advance(60_000);
    expect((await deaf.of(DEFAULT_TENANT)).signingKeys[0]?.kid).toBe(await kidOf("active"));
    await follower.stop(1_000);
    await follower.stop(1_000);
  });

  test("do not look more often than every five seconds, whatever rubbish names", async () => {
    let loads = 0;
    const { vault, ids, clock, log } = world.state.deps;
    const load = () => {
      loads += 1;
      return loadProject({ vault, tenant: DEFAULT_TENANT, ids, publicUrl: "" });
    };
    const projects = createProjectCache({ load, bus: createMemoryBus(log), clock, log });
    const auth = createLocalAuth({ project: projects.of, lookAgain: projects.lookAgain, clock });
    const { accessToken } = await signUp(world, "rubbish@example.test");
    const [, payload, signature] = accessToken.split(".");
    for (let n = 0; n < 50; n += 1) {
      const header = { alg: "ES256", kid: `rubbish-${n}`, typ: "JWT" };
      const text = Buffer.from(JSON.stringify(header)).toString("base64url");
      expect(await verdict(auth, `${text}.${payload}.${signature}`)).toBe("refused");
    }
    expect(loads).toBe(2);
  });
});

describe("removing a key", () => {
  beforeEach(() => open());

  const remove = (kid: string, bearer = SECRET) =>
    world.send("DELETE", `/auth/v1/admin/keys/${kid}`, { bearer });

  test("refuses the tokens of a previous one at once", async () => {
    const one = await signUp(world, "stolen@example.test");
    const kid = await kidOf("active");
    expect((await remove(kid)).body.code).toBe("signing_key_in_use");
    await rotate();
    expect((await remove(kid)).status).toBe(200);
    expect(await published()).not.toContain(kid);
    expect((await world.send("GET", "/auth/v1/user", { bearer: one.accessToken })).status).toBe(
      401,
    );
    expect(await isGood((await signIn(world, "stolen@example.test")).accessToken)).toBe(true);
  });

  test("of a next one announces another", async () => {
    const kid = await kidOf("next");
    await remove(kid);
    expect((await keys()).map((key) => key.state)).toEqual(["active", "next"]);
    expect(await kidOf("next")).not.toBe(kid);
    expect((await rotate()).body.code).toBe("signing_key_not_announced");
  });

  test("that is not there is refused", async () => {
    expect([(await remove("nothing")).status, (await remove("%00")).status]).toEqual([404, 404]);
  });
});

describe("who may", () => {
  beforeEach(() => open());

  test("only the secret key lists, rotates and removes", async () => {
    const { accessToken } = await signUp(world, "nobody@example.test");
    const ways = [
      ["GET", "/auth/v1/admin/keys"],
      ["POST", "/auth/v1/admin/keys/rotate"],
      ["DELETE", "/auth/v1/admin/keys/x"],
    ] as const;
    const before = await keys();
    for (const [method, path] of ways) {
      const body = method === "POST" ? { body: { force: true } } : {};
      expect((await world.send(method, path, body)).status).toBe(401);
      expect((await world.send(method, path, { ...body, bearer: accessToken })).status).toBe(403);
      const bearer = "sb_publishable_test";
      expect((await world.send(method, path, { ...body, bearer })).status).toBe(403);
    }
    expect(await keys()).toEqual(before);
    expect((await rotate({ force: "true" })).status).toBe(200);
    expect((await rotate({ force: "true" })).status).toBe(409);
  });
});

describe("another algorithm", () => {
  test("EdDSA signs and verifies, here and by the JWKS", async () => {
    await open({ signing_algorithm: "EdDSA" });
    const { accessToken, userId } = await signUp(world, "ed@example.test");
    expect(headerOf(accessToken).alg).toBe("EdDSA");
    expect(await isGood(accessToken)).toBe(true);
    const { payload } = await jwtVerify(accessToken, createLocalJWKSet(await jwks()), {
      currentDate: new Date(world.clock.now()),
    });
    expect(payload.sub).toBe(userId);
  });

  test("that is configured later is announced first, and the tokens before stay good", async () => {
    await open();
    const one = await signUp(world, "later@example.test");
    const config = { ...world.state.config, signing_algorithm: "EdDSA" as const };
    const state = { ...world.state, config };
    await tendSigningKeys(state, DEFAULT_TENANT);
    expect((await keys()).map((key) => key.alg)).toEqual(["ES256", "EdDSA"]);
    await world.clock.advance(ANNOUNCE_MS - 1);
    await tendSigningKeys(state, DEFAULT_TENANT);
    expect((await keys())[0]?.alg).toBe("ES256");
    await world.clock.advance(1);
    await tendSigningKeys(state, DEFAULT_TENANT);
    expect((await keys()).map((key) => [key.state, key.alg])).toEqual([
      ["active", "EdDSA"],
      ["next", "EdDSA"],
      ["previous", "ES256"],
    ]);
    const again = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
      body: { refresh_token: one.refreshToken },
    });
    expect(headerOf(again.body.access_token).alg).toBe("EdDSA");
    expect(await isGood(again.body.access_token)).toBe(true);
  });

  test("HS256 signs with the configured secret, which is never published", async () => {
    const secret = "a shared secret of forty characters ....";
    await open({ signing_algorithm: "HS256", jwt_secret: secret });
    const { accessToken, userId } = await signUp(world, "hs@example.test");
    expect(headerOf(accessToken).alg).toBe("HS256");
    expect(await isGood(accessToken)).toBe(true);
    const { payload } = await jwtVerify(accessToken, Buffer.from(secret), {
      currentDate: new Date(world.clock.now()),
    });
    expect(payload.sub).toBe(userId);
    const text = JSON.stringify(await jwks());
    expect(text).not.toContain("oct");
    expect((await jwks()).keys.length).toBe(2);
  });

  test("HS256 beside pairs: tokens of the secret are accepted, also without a kid", async () => {
    const secret = "a shared secret of forty characters ....";
    await open({ jwt_secret: secret });
    const { accessToken } = await signUp(world, "both@example.test");
    expect(headerOf(accessToken).alg).toBe("ES256");
    const payload = accessToken.split(".")[1] ?? "";
    const sign = (header: object, key = secret) => {
      const input = `${Buffer.from(JSON.stringify(header)).toString("base64url")}.${payload}`;
      const mac = new Bun.CryptoHasher("sha256", key).update(input).digest("base64url");
      return `${input}.${mac}`;
    };
    expect(await isGood(sign({ alg: "HS256", typ: "JWT" }))).toBe(true);
    expect(await isGood(sign({ alg: "HS256" }, `${secret}.`))).toBe(false);
    expect(await isGood(sign({ alg: "HS256", kid: "other" }))).toBe(false);
    const pair = world.project.signingKeys[0];
    expect(await isGood(sign({ alg: "HS256", kid: pair?.kid }))).toBe(false);
  });
});
