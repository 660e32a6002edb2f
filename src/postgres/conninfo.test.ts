import { expect, test } from "bun:test";
import { conninfoUrl } from "./conninfo.ts";
import { parseDatabaseUrl } from "./url.ts";

test("a URL stays what it is", () => {
  const url = "postgres://me:it%27s@host:5433/shop?sslmode=require";
  expect(conninfoUrl(url)).toBe(url);
});

test("keywords and values name the same database", () => {
  const text = `host=localhost port = 5433  user=me password='it\\'s a & b' dbname=shop sslmode=require`;
  expect(parseDatabaseUrl(conninfoUrl(text))).toMatchObject({
    host: "localhost",
    port: 5433,
    user: "me",
    password: "it's a & b",
    database: "shop",
    sslMode: "require",
  });
  const socket = parseDatabaseUrl(conninfoUrl("host=/run/postgresql user=a\\ b dbname=''"));
  expect(socket).toMatchObject({ socketPath: "/run/postgresql/.s.PGSQL.5432", user: "a b" });
});

test("what is neither is refused without a word of its values", () => {
  for (const text of ["nonsense", "host=a b", "password='secret", "=x", "host=a'b'", "mysql://x"]) {
    expect(() => conninfoUrl(text)).toThrow("cannot be read");
    const details = (() => {
      try {
        return conninfoUrl(text);
      } catch (error) {
        return (error as { details: string }).details;
      }
    })();
    expect(details).toMatch(/^expected key=value at character \d+$/);
  }
});
