/**
 * What identity costs: token verifications a second and their CPU time, signatures, sign-ins a second
 * through the whole operation beside bare argon2id with the same parameters, and what a storm of
 * sign-ins does to the reads of others. The last needs the whole server: `dist/reactor` when it is
 * built, else the source.
 *
 *   bun bench/auth.ts [seconds] [storm: only the last]
 */
import { join } from "node:path";
import { DEFAULT_TENANT } from "../src/core/tenant.ts";
import { createLocalAuth } from "../src/shared/auth/create-local-auth.ts";
import {
  makeSigningKey,
  sharedSecretKey,
  verificationJwk,
} from "../src/shared/auth/signing-key.ts";
import { createTokenVerifier } from "../src/shared/auth/verify-token.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "../test/auth/auth-world.ts";
import { measureStorm } from "./load/login-storm.ts";

const seconds = Number(process.argv[2] ?? 3);
const isStormOnly = process.argv[3] === "storm";
const HASH = { hash_memory_kib: 19_456, hash_iterations: 2 } as const;

interface Figure {
  readonly what: string;
  readonly perSecond: number;
  /** User and system time of the process, microseconds an operation. */
  readonly cpuUs: number;
}

/** Runs `work` from `lanes` loops for the time, after a tenth of it as warm-up. */
async function measure(what: string, lanes: number, work: () => unknown): Promise<Figure> {
  await run(lanes, seconds / 10, work);
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const count = await run(lanes, seconds, work);
  const elapsedS = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { what, perSecond: count / elapsedS, cpuUs: (user + system) / count };
}

async function run(lanes: number, forS: number, work: () => unknown): Promise<number> {
  const end = performance.now() + forS * 1000;
  let count = 0;
  const lane = async () => {
    while (performance.now() < end) {
      await work();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return count;
}

/** A token of the same claims by a key of another kind. */
async function measureOther(from: AuthWorld, alg: "EdDSA" | "HS256"): Promise<Figure> {
  const key = alg === "EdDSA" ? await makeSigningKey(alg) : sharedSecretKey("x".repeat(40));
  const { accessToken } = await signUp(from, `bench-${alg.toLowerCase()}@example.test`);
  const claims = JSON.parse(
    Buffer.from(accessToken.split(".")[1] ?? "", "base64url").toString(),
  ) as Record<string, unknown>;
  const token = await from.state.signer.sign(key, claims);
  const jwk = verificationJwk(key);
  const { issuer } = from.project;
  const options = { key: () => jwk, issuer: () => issuer, clock: from.clock, cacheMax: 0 };
  const verifier = createTokenVerifier(options);
  return measure(`verify a token (${alg})`, 1, () => verifier.verify(token));
}

async function measureTokens(): Promise<void> {
  const figures: Figure[] = [];
  const world = await openAuthWorld(HASH);
  try {
    const email = "bench@example.test";
    const { accessToken } = await signUp(world, email);
    const { issuer, signingKeys } = world.project;
    const [signingKey] = signingKeys;
    if (!signingKey) throw new Error("no signing key");
    const verifier = (cacheMax: number) =>
      createTokenVerifier({
        key: () => signingKey.publicJwk,
        issuer: () => issuer,
        clock: world.clock,
        cacheMax,
      });
    const [fresh, remembering] = [verifier(0), verifier(1000)];
    const whole = createLocalAuth({ project: () => world.project, clock: world.clock });
    const credentials = { bearer: accessToken, apikey: null };
    figures.push(
      await measure("verify a token (ES256)", 1, () => fresh.verify(accessToken)),
      await measureOther(world, "EdDSA"),
      await measureOther(world, "HS256"),
      await measure("verify a token seen before", 1, () => remembering.verify(accessToken)),
      await measure("the whole AuthClient, token seen before", 1, () =>
        whole.authenticate(DEFAULT_TENANT, credentials),
      ),
      await measure("sign a token", 4, () =>
        world.state.signer.sign(signingKey, { sub: "x".repeat(400) }),
      ),
    );
    const stored = await world.state.hasher.hash(PASSWORD);
    figures.push(
      await measure("bare argon2id verify", 1, () => Bun.password.verify(PASSWORD, stored)),
      await measure("sign-in (operation)", 4, () =>
        world.send("POST", "/auth/v1/token?grant_type=password", {
          body: { email, password: PASSWORD },
        }),
      ),
    );
  } finally {
    await world.close();
  }
  console.table(
    figures.map(({ what, perSecond, cpuUs }) => ({
      what,
      "per second": Math.round(perSecond),
      "CPU us each": Math.round(cpuUs * 10) / 10,
    })),
  );
}

async function measureReads(): Promise<void> {
  const built = join(import.meta.dir, "../dist/reactor");
  const isBuilt = await Bun.file(built).exists();
  const storm = await measureStorm(isBuilt ? [built] : [process.execPath, "src/main.ts"], seconds);
  const read = (what: string, { p50Ms, p99Ms, errors }: typeof storm.alone) => ({
    what,
    "p50 ms": Math.round(p50Ms * 100) / 100,
    "p99 ms": Math.round(p99Ms * 100) / 100,
    errors,
  });
  console.table([
    read("a read, alone", storm.alone),
    read("a read, in the storm", storm.inStorm),
    read("a read, beside a loop of the least priority", storm.besideLoop),
  ]);
  const times = (than: typeof storm.alone) => (storm.inStorm.p99Ms / than.p99Ms).toFixed(2);
  console.log(
    `${isBuilt ? "compiled" : "from source"}: p99 in the storm is ${times(storm.alone)} x alone, ${times(storm.besideLoop)} x beside the loop; ${storm.signedIn.toFixed(0)} signed in and ${storm.turnedAway.toFixed(0)} turned away a second`,
  );
}

if (!isStormOnly) await measureTokens();
await measureReads();
process.exit(0);
