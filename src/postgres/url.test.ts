import { describe, expect, test } from "bun:test";
import { parseDatabaseUrl, postgresJsOptions, tlsOptions, urlOfDatabase } from "./url.ts";

describe("a libpq URL", () => {
  test("in its usual form", () => {
    expect(parseDatabaseUrl("postgresql://me:s%3Acret@db.example.com:6543/shop")).toMatchObject({
      host: "db.example.com",
      port: 6543,
      socketPath: null,
      user: "me",
      password: "s:cret",
      database: "shop",
      sslMode: "prefer",
    });
  });

  test("names a Unix socket by parameter or by an encoded host", () => {
    const urls = [
      "postgres://me@/shop?host=/run/pg&port=5433",
      "postgres://me@%2Frun%2Fpg:5433/shop",
    ];
    for (const url of urls) {
      expect(parseDatabaseUrl(url)).toMatchObject({
        socketPath: "/run/pg/.s.PGSQL.5433",
        database: "shop",
        sslMode: "disable",
      });
    }
  });

  test("takes everything from parameters too", () => {
    const url =
      "postgresql:///?host=h&port=1&user=u&password=p%26&dbname=d&sslmode=verify-full&connect_timeout=3&application_name=x&options=-c%20a.b%3D1";
    expect(parseDatabaseUrl(url)).toMatchObject({
      host: "h",
      port: 1,
      user: "u",
      password: "p&",
      database: "d",
      sslMode: "verify-full",
      connectTimeoutMs: 3000,
      applicationName: "x",
      options: "-c a.b=1",
    });
  });

  test("falls back as libpq does: database from user, port 5432, localhost", () => {
    expect(parseDatabaseUrl("postgresql://me@")).toMatchObject({
      host: "localhost",
      port: 5432,
      database: "me",
      password: null,
    });
  });

  test("may name an IPv6 address and a password with an at sign", () => {
    expect(parseDatabaseUrl("postgresql://me:a@b@[::1]:5/d")).toMatchObject({
      host: "::1",
      port: 5,
      password: "a@b",
    });
  });

  test("says which parameters have no effect", () => {
    const url = "postgresql://h/d?pgbouncer=true&channel_binding=require&sslmode=require";
    expect(parseDatabaseUrl(url).ignored).toEqual(["pgbouncer", "channel_binding"]);
  });

  test("that cannot be used is refused without showing the password", () => {
    const urls = [
      "mysql://me:hunter2@h/d",
      "postgresql://me:hunter2@h:99999/d",
      "postgresql://me:hunter2@h:x/d",
      "postgresql://me:hunter2@a,b/d",
      "postgresql://me:hunter2@h/d?sslmode=maybe",
      "postgresql://me:hunter2%ZZ@h/d",
    ];
    for (const url of urls) {
      try {
        parseDatabaseUrl(url);
        throw new Error(`accepted ${url}`);
      } catch (error) {
        expect(error).toMatchObject({ code: "database_url_invalid" });
        expect(JSON.stringify(error) + String(error)).not.toContain("hunter2");
      }
    }
  });
});

describe("sslmode", () => {
  const address = (mode: string) => parseDatabaseUrl(`postgresql://h.example/d?sslmode=${mode}`);

  test("verify-full checks chain and name, verify-ca the chain, require neither", () => {
    expect(tlsOptions(address("verify-full"))).toMatchObject({
      rejectUnauthorized: true,
      servername: "h.example",
    });
    expect(tlsOptions(address("verify-full")).checkServerIdentity).toBeUndefined();
    expect(tlsOptions(address("verify-ca")).rejectUnauthorized).toBe(true);
    expect(tlsOptions(address("verify-ca")).checkServerIdentity).toBeFunction();
    expect(tlsOptions(address("require")).rejectUnauthorized).toBe(false);
  });

  test("sslrootcert=system implies verify-full", () => {
    expect(parseDatabaseUrl("postgresql://h/d?sslrootcert=system").sslMode).toBe("verify-full");
  });

  test("reaches postgres.js in the same sense", () => {
    expect(postgresJsOptions(address("disable")).ssl).toBe(false);
    expect(postgresJsOptions(address("prefer")).ssl).toBe("prefer");
    expect(postgresJsOptions(address("verify-full")).ssl).toMatchObject({
      rejectUnauthorized: true,
    });
  });

  test("a certificate that cannot be read is named", () => {
    const url = "postgresql://h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem";
    expect(() => tlsOptions(parseDatabaseUrl(url))).toThrow("/nowhere/ca.pem");
  });
});

test.each([
  [
    "postgresql://me:s%3A@host:6543/shop?sslmode=require",
    "postgresql://me:s%3A@host:6543/a%20b?sslmode=require",
  ],
  ["postgres://me@/shop?host=/run/pg&dbname=other", "postgres://me@/a%20b?host=%2Frun%2Fpg"],
  ["postgresql://host", "postgresql://host/a%20b"],
])("%s with another database", (url, wanted) => {
  expect(urlOfDatabase(url, "a b")).toBe(wanted);
  const { database, ...rest } = parseDatabaseUrl(urlOfDatabase(url, "a b"));
  expect(database).toBe("a b");
  expect({ ...rest, database: "x" }).toEqual({ ...parseDatabaseUrl(url), database: "x" });
});
