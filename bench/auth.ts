/**
 * What identity costs: token verifications a second and their CPU time, signatures, and sign-ins a
 * second through the whole operation beside bare argon2id with the same parameters.
 *
 *   bun bench/auth.ts [seconds]
 */
import { createTokenVerifier } from "../src/shared/auth/verify-token.ts";
import { openAuthWorld, PASSWORD, signUp } from "../test/auth/auth-world.ts";

const seconds = Number(process.argv[2] ?? 3);
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

const world = await openAuthWorld(HASH);
const figures: Figure[] = [];
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
  figures.push(
    await measure("verify a token", 1, () => fresh.verify(accessToken)),
    await measure("verify a token seen before", 1, () => remembering.verify(accessToken)),
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
process.exit(0);
