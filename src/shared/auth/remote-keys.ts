/**
 * The signing keys and the issuer of an auth server elsewhere. Fetched when first needed, again when
 * a token names a key not seen yet (at most every 10 s, so that rubbish cannot cause a storm), and
 * once in ten minutes, so that a withdrawn key is forgotten.
 */

import { coreErrors } from "../../core/errors.ts";
import { type AskOptions, askRemote } from "./remote-answer.ts";
import { algorithmOf } from "./signing-key.ts";
import type { PublicJwk } from "./verify-token.ts";

const REFRESH_MS_MIN = 10_000;
const REFRESH_MS_MAX = 600_000;
const KEYS_MAX = 64;

interface Known {
  readonly keys: ReadonlyMap<string, PublicJwk>;
  readonly issuer: string;
}

export class RemoteKeys {
  readonly #ask: AskOptions;
  readonly #base: string;
  #known: Known | null = null;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<Known> | null = null;

  /** @param base `<url>/auth/v1`. */
  constructor(ask: AskOptions, base: string) {
    this.#ask = ask;
    this.#base = base;
  }

  /** @throws unavailable, when no key has ever been fetched or this one may be new. */
  key(kid: string): PublicJwk | null | Promise<PublicJwk | null> {
    const known = this.#known;
    const found = known?.keys.get(kid);
    const now = this.#ask.clock.monotonic();
    if (found && now - this.#fetchedAt < REFRESH_MS_MAX) return found;
    if (known && now - this.#triedAt < REFRESH_MS_MIN && !this.#loading) return found ?? null;
    return this.#load().then(
      ({ keys }) => keys.get(kid) ?? null,
      (error: unknown) => {
        // Known keys outlive an outage of the server that made them.
        if (found) return found;
        throw error;
      },
    );
  }

  issuer(): string | Promise<string> {
    return this.#known?.issuer ?? this.#load().then(({ issuer }) => issuer);
  }

  /** One fetch at a time, which all who wait share. */
  #load(): Promise<Known> {
    this.#loading ??= this.#fetch().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #fetch(): Promise<Known> {
    this.#triedAt = this.#ask.clock.monotonic();
    const get = (path: string) => askRemote(this.#ask, `${this.#base}${path}`, { method: "GET" });
    const [jwks, discovery] = await Promise.all([
      get("/.well-known/jwks.json"),
      get("/.well-known/openid-configuration"),
    ]);
    // The OAuth server's own address is another while tokens carry a name.
    const issuer = discovery["access_token_issuer"] ?? discovery["issuer"];
    const list = jwks["keys"];
    if (typeof issuer !== "string" || !Array.isArray(list)) {
      const fault = new Error("the discovery document has no issuer, or the JWKS no keys");
      throw coreErrors.unavailable("Authentication", fault);
    }
    this.#known = { issuer, keys: readKeys(list, this.#known?.keys) };
    this.#fetchedAt = this.#ask.clock.monotonic();
    return this.#known;
  }
}

/**
 * Public signing keys only: a server that publishes a shared secret is not believed. A key that is
 * there already stays the same object, as the verifier's cache wants.
 */
function readKeys(
  list: readonly unknown[],
  before: ReadonlyMap<string, PublicJwk> | undefined,
): Map<string, PublicJwk> {
  const keys = new Map<string, PublicJwk>();
  for (const entry of list.slice(0, KEYS_MAX)) {
    if (typeof entry !== "object" || entry === null) continue;
    const { kid, kty, crv, alg, use, x, y } = entry as Record<string, unknown>;
    const expected = algorithmOf({ kty, crv });
    if (typeof kid !== "string" || expected === null || expected === "HS256") continue;
    if ((alg !== undefined && alg !== expected) || (use !== undefined && use !== "sig")) continue;
    const earlier = before?.get(kid);
    const same = earlier?.["kty"] === kty && earlier?.["x"] === x && earlier?.["y"] === y;
    keys.set(kid, earlier && same ? earlier : { kty, crv, x, ...(y === undefined ? {} : { y }) });
  }
  return keys;
}
