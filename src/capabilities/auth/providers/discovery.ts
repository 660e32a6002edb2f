/**
 * OpenID Connect Discovery 1.0 and the issuer's keys, kept for a while. A key that is not known makes
 * the set be read again, but not more often than every half minute: tokens of strangers must not turn
 * this server against a provider.
 */
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { Clock } from "../../../core/ports/clock.ts";
import type { AskProvider } from "./ask-provider.ts";

/** The parts of a discovery document that are used. */
export interface IssuerMetadata {
  readonly issuer: string;
  readonly authorizeUrl: string | null;
  readonly tokenUrl: string | null;
  readonly userUrl: string | null;
  readonly jwksUrl: string;
  /** RFC 9207: answers carry `iss`, so one without it is somebody else's. */
  readonly sendsIss: boolean;
  readonly pkceMethods: readonly string[] | null;
}

const KEPT_MS = 10 * 60 * 1000;
const RETRY_MS = 30 * 1000;
const ISSUERS_MAX = 200;
const KEYS_MAX = 100;

interface Kept<T> {
  readonly value: Promise<T>;
  readonly at: number;
  /** Of the last read, which may have failed. */
  readonly triedAt: number;
}

export class IssuerDirectory {
  readonly #ask: AskProvider;
  readonly #clock: Clock;
  readonly #metadata = new Map<string, Kept<IssuerMetadata>>();
  readonly #keys = new Map<string, Kept<JSONWebKeySet>>();

  constructor(ask: AskProvider, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** @throws Error when there is no document, or it is another issuer's */
  metadata(issuer: string): Promise<IssuerMetadata> {
    return this.#keep(this.#metadata, issuer, () => this.#discover(issuer));
  }

  /** The key of a token's header, as jose asks for it. */
  keys(jwksUrl: string): JWTVerifyGetKey {
    return async (header, token) => {
      const read = () => this.#readKeys(jwksUrl);
      const keys = await this.#keep(this.#keys, jwksUrl, read);
      try {
        return await createLocalJWKSet(keys)(header, token);
      } catch (error) {
        const again = await this.#keep(this.#keys, jwksUrl, read, "anew").catch(() => keys);
        if (again === keys) throw error;
        return createLocalJWKSet(again)(header, token);
      }
    };
  }

  #keep<T>(
    kept: Map<string, Kept<T>>,
    key: string,
    read: () => Promise<T>,
    which: "kept" | "anew" = "kept",
  ): Promise<T> {
    const now = this.#clock.monotonic();
    const found = kept.get(key);
    const known = found && now - found.at < KEPT_MS ? found : null;
    if (known && (which === "kept" || now - known.triedAt < RETRY_MS)) return known.value;
    if (kept.size >= ISSUERS_MAX) kept.clear();
    const value = read();
    kept.set(key, { value, at: now, triedAt: now });
    // What failed is not kept, and takes nothing with it; who waits for it now learns why.
    value.catch(() => {
      if (kept.get(key)?.value !== value) return;
      if (known) kept.set(key, { ...known, triedAt: now });
      else kept.delete(key);
    });
    return value;
  }

  async #discover(issuer: string): Promise<IssuerMetadata> {
    const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const { status, json } = await this.#ask({ url });
    const document = (json ?? {}) as Record<string, unknown>;
    const text = (name: string) => (typeof document[name] === "string" ? document[name] : null);
    const jwksUrl = text("jwks_uri");
    if (status !== 200 || jwksUrl === null) throw new Error(`${url} has no discovery document`);
    // Discovery §4.3: a document for another issuer is an attempt to be taken for it.
    const said = text("issuer");
    if (said === null || !isSameIssuer(said, issuer)) {
      throw new Error(`${url} is the document of another issuer`);
    }
    const methods = document["code_challenge_methods_supported"];
    return {
      issuer: said,
      authorizeUrl: text("authorization_endpoint"),
      tokenUrl: text("token_endpoint"),
      userUrl: text("userinfo_endpoint"),
      jwksUrl,
      sendsIss: document["authorization_response_iss_parameter_supported"] === true,
      pkceMethods: Array.isArray(methods) ? methods.map(String) : null,
    };
  }

  async #readKeys(url: string): Promise<JSONWebKeySet> {
    const { status, json } = await this.#ask({ url });
    const keys = (json as { keys?: unknown } | null | undefined)?.keys;
    if (status !== 200 || !Array.isArray(keys)) throw new Error(`${url} has no key set`);
    // Shared secrets have no place in a public set, and would verify HS256.
    const usable = keys.filter((key) => key !== null && typeof key === "object" && isPublic(key));
    return { keys: usable.slice(0, KEYS_MAX) };
  }
}

const isPublic = ({ kty }: { kty?: unknown }) => kty === "RSA" || kty === "EC" || kty === "OKP";

/** Entra's shared document names a template; tokens are then checked against it with their tenant. */
export const ENTRA_ISSUER = {
  template: "https://login.microsoftonline.com/{tenantid}/v2.0",
  shared: /^https:\/\/login\.microsoftonline\.com\/(?:common|organizations|consumers)\/v2\.0$/,
  tenant: /^https:\/\/login\.microsoftonline\.com\/[0-9a-f-]{36}\/v2\.0$/,
} as const;

function isSameIssuer(said: string, asked: string): boolean {
  return said === asked || (said === ENTRA_ISSUER.template && ENTRA_ISSUER.shared.test(asked));
}

/** Whether a token's `iss` is the issuer of the document; in Entra's shared one it holds the tenant. */
export function issuedBy(metadata: IssuerMetadata, iss: unknown, tenantId: unknown): boolean {
  const { template, tenant } = ENTRA_ISSUER;
  if (metadata.issuer !== template) return iss === metadata.issuer;
  return (
    typeof iss === "string" &&
    tenant.test(iss) &&
    iss === template.replace("{tenantid}", `${tenantId}`)
  );
}
