/** Where people may be sent: to our own pages, whatever is written into a link. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { localPath, pagePath, readErrand } from "./errand.ts";

test("whatever is asked for, a way back is a path of ours on the same server", () => {
  const piece = fc.constantFrom(
    ...["/", "//", "\\", "..", "%2e%2e", "%2f", "@", ":", "?", "#", "auth", "ui", "v1", "oauth"],
    ...["authorize", "https:", "javascript:", "evil.test", "\t", "\n", " ", "account", "localhost"],
  );
  const path = fc
    .array(piece, { maxLength: 12 })
    .chain((parts) => fc.constantFrom(parts.join(""), `/auth/ui/${parts.join("")}`));
  fc.assert(
    fc.property(path, (text) => {
      const found = localPath(text);
      if (found === null) return;
      const url = new URL(found, "https://here.test");
      expect(url.origin).toBe("https://here.test");
      expect(url.pathname).toMatch(/^\/auth\/(?:ui\/|v1\/oauth\/authorize$)/);
      expect(`${url.pathname}${url.search}`).toBe(found);
    }),
    { numRuns: 2000 },
  );
});

test("an errand survives the way from page to page", () => {
  const login = {
    redirectTo: "https://app.test/cb?a=1&b=2",
    codeChallenge: "c".repeat(43),
    codeChallengeMethod: "s256",
    state: "x&y=z",
  };
  const errand = { returnTo: "/auth/ui/device?user_code=AAAA-BBBB", login };
  const { searchParams } = new URL(pagePath("/auth/ui/sign-up", errand), "http://localhost");
  expect(readErrand(searchParams)).toEqual(errand);
});
