import { describe, expect, test } from "bun:test";
import { ReactorError } from "../../core/errors.ts";
import { bearerMemory, readCredentials } from "./credentials.ts";

const read = (headers: [string, string][]) => {
  try {
    return readCredentials(new Headers(headers));
  } catch (error) {
    if (error instanceof ReactorError) return error.code;
    throw error;
  }
};

describe("credentials of a request", () => {
  const good: [string, [string, string][], string | null, string | null][] = [
    ["nothing", [], null, null],
    ["a bearer", [["Authorization", "Bearer a.b.c"]], "a.b.c", null],
    ["a bearer in another case", [["authorization", "bEARER a.b.c"]], "a.b.c", null],
    ["a bearer after several spaces", [["Authorization", "Bearer   a.b.c  "]], "a.b.c", null],
    ["an opaque bearer", [["Authorization", "Bearer sb_secret_x-_"]], "sb_secret_x-_", null],
    ["base64 with padding", [["Authorization", "Bearer ab+/=="]], "ab+/==", null],
    ["a key", [["apikey", "sb_publishable_x"]], null, "sb_publishable_x"],
    [
      "both",
      [
        ["Authorization", "Bearer t"],
        ["ApiKey", "k"],
      ],
      "t",
      "k",
    ],
  ];
  for (const [what, headers, bearer, apikey] of good) {
    test(`${what} is read`, () => expect(read(headers)).toEqual({ bearer, apikey }));
  }

  const bad = [
    "",
    " ",
    "Bearer",
    "Bearer ",
    "a.b.c",
    "Basic dXNlcjpwYXNz",
    "Bearer a b",
    "Bearer\ta",
  ];
  bad.push("Bearer: a", "Bearer a,b", "Bearer é", "Bearer =", 'Bearer "a"', "Token a", "Bearer=a");
  for (const value of bad) {
    test(`Authorization '${value}' is refused`, () => {
      expect(read([["Authorization", value]])).toBe("bad_credential");
      expect(
        read([
          ["Authorization", value],
          ["apikey", "k"],
        ]),
      ).toBe("bad_credential");
    });
  }
  test("two Authorization headers are refused", () => {
    expect(
      read([
        ["Authorization", "Bearer a"],
        ["Authorization", "Bearer b"],
      ]),
    ).toBe("bad_credential");
  });
  for (const value of ["", "a b", "é", "a, b"]) {
    test(`apikey '${value}' is refused`, () => {
      expect(read([["apikey", value]])).toBe("bad_credential");
      expect(
        read([
          ["Authorization", "Bearer a.b.c"],
          ["apikey", value],
        ]),
      ).toBe("bad_credential");
    });
  }
});

test("a header that was good is known again, one that is not is refused each time", () => {
  const memory = bearerMemory();
  const of = (authorization: string) => readCredentials(new Headers({ authorization }), memory);
  for (let round = 0; round < 3; round += 1) {
    expect(of("Bearer a.b.c").bearer).toBe("a.b.c");
    expect(of("bearer d.e.f").bearer).toBe("d.e.f");
    for (const bad of ["Bearer", "Bearer a b", "Token a.b.c"]) expect(() => of(bad)).toThrow();
  }
  expect(memory.size).toBe(2);
});
