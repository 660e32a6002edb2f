/**
 * argon2id on threads of its own, behind a short bounded queue:
 * a storm of sign-ins must not take every core and all memory of a small machine, so a few hashes
 * run, some wait, and the rest is told to come back.
 */
import type { Rng } from "../../../core/ports/rng.ts";
import { authErrors } from "../errors.ts";
import {
  isImportableHash,
  isOutdatedHash,
  isScryptHash,
  readingsOf,
  verifyScrypt,
} from "./foreign-hash.ts";
import type { HashComputer } from "./hash-threads.ts";

export interface HasherOptions {
  readonly memoryKib: number;
  readonly iterations: number;
  /** Hashes at the same time, >= 1. */
  readonly concurrency: number;
  /** Hashes that may wait, >= 0. */
  readonly queueMax: number;
  readonly rng: Rng;
  readonly computer: HashComputer;
}

export interface PasswordHasher {
  /** A PHC string. @throws over_request_rate_limit when the queue is full. */
  hash(password: string): Promise<string>;
  /**
   * True when `password` made `stored` (ours, or one of `foreign-hash.ts`). For null, empty or unknown
   * formats it spends the same time on a hash that nothing matches.
   * @throws over_request_rate_limit when the queue is full.
   */
  verify(password: string, stored: string | null): Promise<boolean>;
  /** True for a hash that the next sign-in should replace: of another kind, or cheaper than today's. */
  isOutdated(stored: string): boolean;
  /**
   * Before anything else of a request that will need a hash: a storm past the queue is turned away
   * before it costs the database anything. @throws over_request_rate_limit when the queue is full.
   */
  requireRoom(): void;
  /** Waiting now; for metrics. */
  waiting(): number;
}

const KNOWN = /^\$(?:argon2(?:id|i|d)|2[abxy])\$/;
/** A hash takes about this long on a slow machine, so a full queue is gone in as many seconds. */
const HASHES_PER_SECOND = 5;

export function createPasswordHasher(options: HasherOptions): PasswordHasher {
  const enter = createGate(options.concurrency, options.queueMax);
  const dummy = unmatchableHash(options);
  const settings = {
    algorithm: "argon2id",
    memoryCost: options.memoryKib,
    timeCost: options.iterations,
  } as const;
  return {
    hash: (password) => enter.run(() => options.computer.hash(password, settings)),
    verify(password, stored) {
      if (stored !== null && isScryptHash(stored) && isImportableHash(stored)) {
        return enter.run(() => verifyScrypt(password, stored));
      }
      const target = stored !== null && KNOWN.test(stored) ? stored : dummy;
      return enter.run(() => verifyAny(options.computer, readingsOf(password, target), target));
    },
    isOutdated: (stored) => isOutdatedHash(stored, options.memoryKib, options.iterations),
    requireRoom: () => enter.requireRoom(),
    waiting: () => enter.waiting(),
  };
}

async function verifyAny(
  computer: HashComputer,
  readings: readonly (string | Uint8Array)[],
  target: string,
): Promise<boolean> {
  for (const reading of readings) {
    if (await verifyOnce(computer, reading, target)) return true;
  }
  return false;
}

/** A damaged hash in the table must not turn a sign-in into a 500. */
async function verifyOnce(
  computer: HashComputer,
  password: string | Uint8Array,
  target: string,
): Promise<boolean> {
  try {
    return await computer.verify(password, target);
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith("PASSWORD_")) return false;
    throw error;
  }
}

/** Same parameters as real ones, 32 random bytes in place of the digest: verifying it never matches. */
function unmatchableHash({ memoryKib, iterations, rng }: HasherOptions): string {
  const part = () => Buffer.from(rng.bytes(32)).toString("base64").replaceAll("=", "");
  return `$argon2id$v=19$m=${memoryKib},t=${iterations},p=1$${part()}$${part()}`;
}

function createGate(concurrency: number, queueMax: number) {
  let running = 0;
  const queue: (() => void)[] = [];
  const requireRoom = () => {
    if (running < concurrency || queue.length < queueMax) return;
    throw authErrors.over_request_rate_limit(1 + Math.ceil(queue.length / HASHES_PER_SECOND));
  };
  const acquire = (): Promise<void> => {
    if (running < concurrency) {
      running += 1;
      return Promise.resolve();
    }
    requireRoom();
    return new Promise((resolve) => queue.push(resolve));
  };
  const release = () => {
    // The slot passes straight to the next in line, so nobody overtakes.
    const next = queue.shift();
    if (next) next();
    else running -= 1;
  };
  return {
    requireRoom,
    waiting: () => queue.length,
    async run<T>(work: () => Promise<T>): Promise<T> {
      await acquire();
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
