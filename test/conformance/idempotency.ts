/** What every IdempotencyStore adapter must do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { IdempotencyStore, SavedAnswer } from "../../src/core/ports/idempotency.ts";
import type { Sweeper } from "../../src/shared/tenant-database.ts";
import { failure, type OpenedClock } from "./opened.ts";

export interface OpenedIdempotency {
  readonly store: IdempotencyStore & Sweeper;
  readonly clock: OpenedClock;
  close(): Promise<void>;
}

const a = { id: "tenant-a" };
const b = { id: "tenant-b" };
const S = "user:POST:/things";
const DAY = 86_400_000;
const answer: SavedAnswer = {
  status: 201,
  headers: { "Content-Type": "application/json", "X-Odd": 'é "q"' },
  body: Uint8Array.from({ length: 256 }, (_, i) => i),
};

export function idempotencyConformance(name: string, open: () => Promise<OpenedIdempotency>): void {
  describe(`IdempotencyStore (${name})`, () => {
    let opened: OpenedIdempotency;
    let store: IdempotencyStore & Sweeper;
    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });
    afterAll(() => opened?.close());
    const begin = (key: string, fingerprint = "f", tenant = a, scope = S) =>
      store.begin(tenant, scope, key, fingerprint, DAY);
    const claim = async (key: string) => {
      const begun = await begin(key);
      if (begun.state !== "new") throw new Error(`expected a new claim, got ${begun.state}`);
      return begun.token;
    };

    test("the first request works, a repeated one gets its answer", async () => {
      const token = await claim("k1");
      expect(await begin("k1")).toEqual({ state: "busy" });
      await store.complete(a, S, "k1", token, answer);
      expect(await begin("k1")).toEqual({ state: "done", answer });
      expect(await begin("k1")).toEqual({ state: "done", answer });
    });

    test("the same key with another request is a mismatch, before and after the answer", async () => {
      const token = await claim("k2");
      expect(await begin("k2", "other")).toEqual({ state: "mismatch" });
      await store.complete(a, S, "k2", token, { ...answer, body: new Uint8Array() });
      expect(await begin("k2", "other")).toEqual({ state: "mismatch" });
      expect((await begin("k2")).state).toBe("done");
    });

    test("keys, scopes and tenants are kept apart", async () => {
      await claim("k3");
      expect((await begin("k3 ")).state).toBe("new");
      expect((await begin("k3", "f", b)).state).toBe("new");
      expect((await begin("k3", "f", a, "other")).state).toBe("new");
      expect((await begin("b", "f", a, "x")).state).toBe("new");
      expect((await begin("xb", "f", a, "")).state).toBe("new");
    });

    test("an abandoned claim is free again", async () => {
      const token = await claim("k4");
      await store.abandon(a, S, "k4", token);
      expect((await begin("k4", "another request")).state).toBe("new");
    });

    test("an answer cannot be abandoned, nor replaced", async () => {
      const token = await claim("k5");
      await store.complete(a, S, "k5", token, answer);
      await store.abandon(a, S, "k5", token);
      await store.complete(a, S, "k5", token, { ...answer, status: 500 });
      expect(await begin("k5")).toEqual({ state: "done", answer });
    });

    test("a claim without an answer lapses after a minute, and its holder can do nothing more", async () => {
      const stale = await claim("k6");
      await opened.clock.advance(59_000);
      expect((await begin("k6")).state).toBe("busy");
      await opened.clock.advance(2_000);
      const token = await claim("k6");
      await store.complete(a, S, "k6", stale, { ...answer, status: 500 });
      await store.abandon(a, S, "k6", stale);
      expect((await begin("k6")).state).toBe("busy");
      await store.complete(a, S, "k6", token, answer);
      expect(await begin("k6")).toEqual({ state: "done", answer });
    });

    test("an answer is kept for its lifetime, counted from the answer", async () => {
      const token = await claim("k7");
      await opened.clock.advance(30_000);
      await store.complete(a, S, "k7", token, answer);
      await opened.clock.advance(DAY - 1_000);
      expect((await begin("k7")).state).toBe("done");
      await opened.clock.advance(2_000);
      expect((await begin("k7", "another request")).state).toBe("new");
    });

    test("of many at once one works", async () => {
      const begun = await Promise.all(Array.from({ length: 20 }, () => begin("k8")));
      expect(begun.filter((one) => one.state === "new")).toHaveLength(1);
      expect(begun.filter((one) => one.state === "busy")).toHaveLength(19);
    });

    test("a claim may say how long it stands", async () => {
      expect((await store.begin(a, S, "k-long", "f", DAY, 900_000)).state).toBe("new");
      await opened.clock.advance(899_000);
      expect((await begin("k-long")).state).toBe("busy");
      await opened.clock.advance(2_000);
      expect((await begin("k-long")).state).toBe("new");
    });

    test("sweep drops what has lapsed and nothing else", async () => {
      const c = { id: "tenant-c" };
      const claimIn = async (key: string) => {
        const begun = await begin(key, "f", c);
        return begun.state === "new" ? begun.token : "";
      };
      await claimIn("lapsing");
      await store.complete(c, S, "kept", await claimIn("kept"), answer);
      await opened.clock.advance(61_000);
      await store.sweep(a);
      expect(await store.sweep(c)).toBe(1);
      expect((await begin("kept", "f", c)).state).toBe("done");
    });

    test("keys and answers outside the bounds are refused", async () => {
      for (const key of ["", "x".repeat(256), "é", "a\n", "\0"]) {
        expect((await failure(begin(key))).code).toBe("idempotency_key_invalid");
      }
      expect((await begin("x".repeat(255))).state).toBe("new");
      const token = await claim("k9");
      const complete = (size: number) =>
        store.complete(a, S, "k9", token, { ...answer, body: new Uint8Array(size) });
      expect((await failure(complete(1_048_577))).code).toBe("idempotent_answer_too_large");
      await complete(1_048_576);
      expect((await begin("k9")).state).toBe("done");
    });
  });
}
