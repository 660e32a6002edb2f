/** The hashing queue: bounds, order, equal work for unknown accounts. */
import { describe, expect, spyOn, test } from "bun:test";
import { createSeededRng } from "../../../../test/support/seeded-rng.ts";
import { createPasswordHasher } from "./password-hasher.ts";

const make = (concurrency: number, queueMax: number) =>
  createPasswordHasher({
    memoryKib: 8192,
    iterations: 1,
    concurrency,
    queueMax,
    rng: createSeededRng(1),
    computer: Bun.password,
  });

describe("the password hasher", () => {
  test("makes argon2id hashes with the configured cost, which verify", async () => {
    const hasher = make(1, 5);
    const stored = await hasher.hash("a password");
    expect(stored).toStartWith("$argon2id$v=19$m=8192,t=1,p=1$");
    expect(await hasher.verify("a password", stored)).toBe(true);
    expect(await hasher.verify("another password", stored)).toBe(false);
  });

  test("matches nothing for accounts without a usable hash", async () => {
    const hasher = make(1, 5);
    for (const stored of [null, "", "plain", "$argon2id$broken", "$2b$broken", "$1$md5$crypt"]) {
      expect(await hasher.verify("", stored)).toBe(false);
      expect(await hasher.verify("plain", stored)).toBe(false);
    }
  });

  test("spends a hash of full strength on accounts without a usable one", async () => {
    const hasher = make(1, 5);
    const verify = spyOn(Bun.password, "verify");
    try {
      for (const stored of [null, "", "plain", "$1$md5$crypt"]) await hasher.verify("x", stored);
      for (const [, hash] of verify.mock.calls) {
        expect(hash).toStartWith("$argon2id$v=19$m=8192,t=1,p=1$");
      }
      expect(verify).toHaveBeenCalledTimes(4);
    } finally {
      verify.mockRestore();
    }
  });

  test("does not take a prefix of a long password", async () => {
    const hasher = make(1, 5);
    const long = "p".repeat(100);
    for (const stored of [
      await hasher.hash(long),
      await Bun.password.hash(long, { algorithm: "bcrypt", cost: 4 }),
    ]) {
      expect(await hasher.verify(long.slice(0, 72), stored)).toBe(false);
      expect(await hasher.verify(long, stored)).toBe(true);
    }
  });

  test("refuses with 429 and Retry-After when the queue is full, and recovers", async () => {
    const hasher = make(1, 2);
    const calls = Array.from({ length: 6 }, () => hasher.hash("x"));
    const results = await Promise.allSettled(calls);
    expect(results.map((r) => r.status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "rejected",
      "rejected",
    ]);
    const refused = results[3] as PromiseRejectedResult;
    expect(refused.reason).toMatchObject({ status: 429, code: "over_request_rate_limit" });
    expect(Number(refused.reason.headers["Retry-After"])).toBeGreaterThan(0);
    expect(hasher.waiting()).toBe(0);
    expect(await hasher.hash("x")).toStartWith("$argon2id$");
  });

  test("serves in order of arrival", async () => {
    const hasher = make(1, 20);
    const order: number[] = [];
    const work = Array.from({ length: 8 }, async (_, n) => {
      await hasher.hash("x");
      order.push(n);
    });
    expect(hasher.waiting()).toBe(7);
    await Promise.all(work);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});
