/** In development the person at this machine may ask what elsewhere needs a key; nobody else may. */
import { describe, expect, test } from "bun:test";
import { isDeveloper } from "../../src/capabilities/data/privileged.ts";
import type { DataRoom } from "../../src/capabilities/data/room.ts";
import type { RequestContext } from "../../src/core/context.ts";

const asked = (development: boolean, peer: string, headers: Record<string, string>) =>
  isDeveloper(
    { development } as DataRoom,
    { peer } as RequestContext,
    new Headers({ host: "localhost:7890", ...headers }),
  );

describe("a developer", () => {
  test.each(["127.0.0.1", "::1", "::ffff:127.0.0.1"])("asks from %s", (peer) => {
    expect(asked(true, peer, {})).toBe(true);
  });

  test.each<[string, boolean, string, Record<string, string>]>([
    ["on a server in production", false, "127.0.0.1", {}],
    ["from another machine", true, "192.0.2.1", {}],
    ["from a function of ours", true, "unix", {}],
    ["through a proxy on this machine", true, "127.0.0.1", { "x-forwarded-for": "192.0.2.1" }],
    ["by a page of some origin", true, "127.0.0.1", { origin: "http://evil.example" }],
    ["by a page without an Origin", true, "127.0.0.1", { "sec-fetch-site": "cross-site" }],
    ["by a name that was pointed here", true, "127.0.0.1", { host: "evil.example:7890" }],
  ])("is not who asks %s", (_what, development, peer, headers) => {
    expect(asked(development, peer, headers)).toBe(false);
  });
});
