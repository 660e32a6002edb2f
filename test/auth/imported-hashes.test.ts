/** Passwords that another system hashed: taken over, checked, and replaced at the next sign-in. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { scryptSync } from "node:crypto";
import { isImportableHash } from "../../src/capabilities/auth/accounts/foreign-hash.ts";
import { adminOf } from "./admin-client.ts";
import { type AuthWorld, openAuthWorld } from "./auth-world.ts";

let world: AuthWorld;
let admin: ReturnType<typeof adminOf>;
beforeAll(async () => {
  world = await openAuthWorld();
  admin = adminOf(world);
});
afterAll(() => world.close());

const plain = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
const phcScrypt = (password: string) => {
  const salt = Buffer.from("sixteen bytes ok");
  const hash = scryptSync(password, salt, 32, { N: 2 ** 10, r: 8, p: 2 });
  return `$scrypt$ln=10,r=8,p=2$${plain(salt)}$${plain(hash)}`;
};
/** A published example of Firebase's form, whose password is `mytestpassword`. */
const FIREBASE =
  "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==";

const bcrypt = (password: string) => Bun.password.hash(password, { algorithm: "bcrypt", cost: 5 });
const argon2 = (algorithm: "argon2i" | "argon2id", password: string) =>
  Bun.password.hash(password, { algorithm, memoryCost: 4096, timeCost: 1 });

describe("a person who was taken over with", () => {
  const cases: readonly [string, string, () => Promise<string> | string][] = [
    ["bcrypt", "a password of theirs", () => bcrypt("a password of theirs")],
    [
      "bcrypt as PHP names it",
      "a password of theirs",
      async () => (await bcrypt("a password of theirs")).replace("$2b$", "$2y$"),
    ],
    ["argon2id of less memory", "another one", () => argon2("argon2id", "another one")],
    ["argon2i", "another one", () => argon2("argon2i", "another one")],
    ["scrypt", "a third", () => phcScrypt("a third")],
    ["scrypt of Firebase", "mytestpassword", () => FIREBASE],
  ];
  test.each(cases)(
    "%s signs in, and has one of our hashes from then on",
    async (what, password, make) => {
      const email = `${what.replaceAll(" ", "-").toLowerCase()}@import.test`;
      const hash = await make();
      const made = await admin("POST", "/users", {
        email,
        password_hash: hash,
        email_confirm: true,
      });
      expect([made.status, made.body.code]).toEqual([200, undefined]);
      expect(JSON.stringify(made.body)).not.toContain(hash.slice(-20));
      const stored = async () => {
        const [row] =
          await world.sql`select encrypted_password from auth.users where email = ${email}`;
        return String(row?.["encrypted_password"]);
      };
      const grant = (given: string) =>
        world.send("POST", "/auth/v1/token?grant_type=password", {
          body: { email, password: given },
        });
      expect((await grant(`${password}1`)).body.code).toBe("invalid_credentials");
      expect(await stored()).toBe(hash);
      expect((await grant(password)).status).toBe(200);
      const renewed = await stored();
      expect(renewed).toStartWith("$argon2id$v=19$m=8192,t=1,p=1$");
      expect((await grant(password)).status).toBe(200);
      expect(await stored()).toBe(renewed);
      expect((await grant(`${password}1`)).body.code).toBe("invalid_credentials");
    },
  );

  test("a long password under bcrypt, of which other systems read 72 bytes", async () => {
    const long = "0123456789".repeat(9);
    const hash = await bcrypt(long.slice(0, 72));
    await admin("POST", "/users", { email: "long@import.test", password_hash: hash });
    const body = { email: "long@import.test", password: long };
    expect((await world.send("POST", "/auth/v1/token?grant_type=password", { body })).status).toBe(
      200,
    );
  });

  test("a hash that is renewed only when there is room signs in all the same", async () => {
    const hash = await bcrypt("a password of theirs");
    await admin("POST", "/users", { email: "full@import.test", password_hash: hash });
    const original = world.state.hasher.hash;
    const full = Object.assign(new Error("full"), { code: "over_request_rate_limit" });
    Object.assign(world.state.hasher, { hash: () => Promise.reject(full) });
    try {
      const body = { email: "full@import.test", password: "a password of theirs" };
      const path = "/auth/v1/token?grant_type=password";
      expect((await world.send("POST", path, { body })).status).toBe(200);
    } finally {
      Object.assign(world.state.hasher, { hash: original });
    }
  });
});

describe("what is taken for a hash", () => {
  test.each([
    ["bcrypt", "$2y$10$SXEz2HeT8PUIGQXo9yeUIem8KzNxgG0d7o/.eGj2rj8KbRgAuRVlq"],
    ["argon2i", "$argon2i$v=19$m=16,t=2,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g"],
    [
      "argon2id in two lanes",
      "$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk",
    ],
    ["Firebase's", FIREBASE],
    ["scrypt", phcScrypt("x")],
  ])("%s", (_what, hash) => {
    expect(isImportableHash(hash)).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["plain text", "hunter2"],
    ["md5", "$1$abc$0123456789012345678901"],
    [
      "bcrypt that would take a minute",
      "$2b$20$SXEz2HeT8PUIGQXo9yeUIem8KzNxgG0d7o/.eGj2rj8KbRgAuRVlq",
    ],
    ["bcrypt cut short", "$2b$10$SXEz2HeT8PUIGQXo9yeUIem8KzNxgG0d7o"],
    [
      "argon2 of 4 GiB",
      "$argon2id$v=19$m=4194304,t=2,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g",
    ],
    [
      "argon2 without passes",
      "$argon2id$v=19$m=4096,t=0,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g",
    ],
    [
      "argon2 of less than its lanes need",
      "$argon2id$v=19$m=8,t=1,p=4$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g",
    ],
    ["scrypt of 8 GiB", "$scrypt$ln=20,r=64,p=1$c2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTA"],
    ["Firebase's of another version", FIREBASE.replace("v=1", "v=2")],
    ["Firebase's that is too large", FIREBASE.replace("n=14", "n=24")],
    ["one with something behind it", `${FIREBASE}\n`],
  ])("not %s", (_what, hash) => {
    expect(isImportableHash(hash)).toBe(false);
  });
});
