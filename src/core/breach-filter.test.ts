/** The filter of breached passwords: it never misses one that was put in, and rarely errs otherwise. */
import { describe, expect, test } from "bun:test";
import { buildBreachFilter, readBreachFilter } from "./breach-filter.ts";

const sha1 = (text: string) => new Bun.CryptoHasher("sha1").update(text).digest();

function filterOf(count: number, falsePositives: number): Uint8Array {
  const builder = buildBreachFilter(count, falsePositives);
  for (let n = 0; n < count; n += 1) builder.add(sha1(`password-${n}`));
  return builder.finish();
}

describe("a filter", () => {
  const bytes = filterOf(5000, 0.001);
  const filter = readBreachFilter(bytes);

  test("knows every entry it was made of", () => {
    expect(filter.entries).toBe(5000);
    for (let n = 0; n < 5000; n += 1) expect(filter.has(sha1(`password-${n}`))).toBe(true);
  });

  test("takes others for known about as often as it was made for", () => {
    let wrong = 0;
    for (let n = 0; n < 20_000; n += 1) if (filter.has(sha1(`another-${n}`))) wrong += 1;
    expect(wrong).toBeLessThan(60);
  });

  test("has the size that its chance asks for", () => {
    expect(bytes.length).toBeGreaterThan(5000 * 1.7);
    expect(bytes.length).toBeLessThan(5000 * 1.9);
  });

  test("may lie anywhere in a buffer", () => {
    const padded = new Uint8Array(bytes.length + 3);
    padded.set(bytes, 3);
    expect(readBreachFilter(padded.subarray(3)).has(sha1("password-7"))).toBe(true);
  });
});

describe("what is no filter is refused", () => {
  const whole = filterOf(10, 0.01);
  test.each([
    ["nothing", new Uint8Array()],
    ["a text", Buffer.from("password\n123456\nqwertyuiop\n")],
    ["half of one", whole.subarray(0, whole.length - 1)],
    ["one with more behind it", Buffer.concat([whole, Buffer.from([0])])],
    ["one without bits", Buffer.concat([whole.subarray(0, 4), Buffer.alloc(20)])],
  ])("%s", (_what, bytes) => {
    expect(() => readBreachFilter(bytes)).toThrow();
  });
});
