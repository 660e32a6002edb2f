import { describe, expect, test } from "bun:test";
import { createChallenge } from "./challenge.ts";

const BARE =
  'Bearer resource_metadata="https://x.test/.well-known/oauth-protected-resource/fn/v1/mcp"';

function challenged(
  header: string | null,
  setting: { status?: number; path?: string; sent?: string; publicUrl?: string } = {},
): string | null {
  const { status = 401, path = "/fn/v1/mcp", publicUrl = "" } = setting;
  const originalPath = setting.sent ?? path;
  const headers = new Headers(header === null ? {} : { "WWW-Authenticate": header });
  const response = new Response(null, { status, headers });
  createChallenge(publicUrl)({ origin: "https://x.test", originalPath, path }, response);
  return response.headers.get("www-authenticate");
}

describe("a refusal by a function", () => {
  test("names the metadata by which a client finds its way", () => {
    expect(challenged("Bearer")).toBe(BARE);
    expect(challenged('Bearer error="invalid_token"')).toBe(
      BARE.replace("Bearer ", 'Bearer error="invalid_token", '),
    );
  });

  test("names it by the public URL and the path as sent", () => {
    const setting = { publicUrl: "https://api.test", sent: "/functions/v1/mcp" };
    expect(challenged("Bearer", setting)).toBe(
      'Bearer resource_metadata="https://api.test/.well-known/oauth-protected-resource/functions/v1/mcp"',
    );
  });

  test("is left as it is where the function says so itself, and everywhere else", () => {
    const own = 'Bearer resource_metadata="https://other.test/x"';
    expect(challenged(own)).toBe(own);
    expect(challenged("Basic realm=x")).toBe("Basic realm=x");
    expect(challenged(null)).toBeNull();
    expect(challenged("Bearer", { status: 403 })).toBe("Bearer");
    expect(challenged("Bearer", { path: "/data/v1/notes" })).toBe("Bearer");
    expect(challenged("Bearer", { path: "/fn/v1/_admin/echo" })).toBe("Bearer");
    expect(challenged("Bearer", { path: '/fn/v1/a"b' })).toBe("Bearer");
  });
});
