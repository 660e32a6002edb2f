/**
 * The identity of one installation: issuer, project keys and signing keys. Made once, by whichever
 * server comes first, sealed in the vault, and the same for all servers on the database.
 */
import type { Ids } from "../core/ports/ids.ts";
import type { Vault } from "../core/ports/vault.ts";
import type { Project, SigningKey } from "../core/project.ts";
import type { TenantCtx } from "../core/tenant.ts";
import { firstRing, type KeyRing, signingKeysOf } from "./auth/key-ring.ts";
import { makeSigningKey, type PairAlgorithm, sharedSecretKey } from "./auth/signing-key.ts";

export interface LoadProjectOptions {
  readonly vault: Vault;
  readonly tenant: TenantCtx;
  readonly ids: Ids;
  /** `server.public_url`; empty when there is none. */
  readonly publicUrl: string;
  readonly tokens?: TokenSettings;
}

/** How tokens are signed. */
export interface TokenSettings {
  /** `auth.signing_algorithm`. */
  readonly algorithm: SigningKey["alg"];
  /** `auth.jwt_secret`; empty = no HS256. */
  readonly jwtSecret: string;
}

/** The ring of signing keys in the vault, as JSON. */
export const RING_PATH = "project/signing_keys";

const PATHS = {
  issuer: "project/issuer",
  publishable: "project/publishable_key",
  secret: "project/secret_key",
  /** Where versions before the ring kept their only key. */
  firstKey: "project/signing_key",
} as const;

const DEFAULT_TOKENS: TokenSettings = { algorithm: "ES256", jwtSecret: "" };

/** Reads the project, making what is missing. Concurrent servers agree: the first value stands. */
export async function loadProject(options: LoadProjectOptions): Promise<Project> {
  const { vault, tenant, ids, publicUrl, tokens = DEFAULT_TOKENS } = options;
  const keep = async (path: string, make: () => Promise<string> | string) => {
    const known = await vault.get(tenant, path);
    return (known ?? (await vault.putIfAbsent(tenant, path, await make()))).value;
  };
  const [issuer, publishableKey, secretKey, ring] = await Promise.all([
    keep(PATHS.issuer, () => `urn:uuid:${ids.uuid()}`),
    keep(PATHS.publishable, () => `sb_publishable_${ids.token(24)}`),
    keep(PATHS.secret, () => `sb_secret_${ids.token(32)}`),
    keep(RING_PATH, () => makeRing(vault, tenant, tokens)),
  ]);
  return {
    // A public URL may change; tokens of the old one must then be renewed, as they should.
    issuer: publicUrl === "" ? issuer : `${publicUrl.replace(/\/+$/, "")}/auth/v1`,
    publishableKey,
    secretKey,
    signingKeys: withSecret(signingKeysOf(JSON.parse(ring) as KeyRing), tokens),
  };
}

/** Around the key of an earlier version where there is one: its tokens stay good. */
async function makeRing(vault: Vault, tenant: TenantCtx, tokens: TokenSettings): Promise<string> {
  const alg = pairAlgorithm(tokens);
  const known = await vault.get(tenant, PATHS.firstKey);
  const first = known ? (JSON.parse(known.value) as SigningKey) : await makeSigningKey(alg);
  return JSON.stringify(await firstRing(first, alg));
}

/** Which pairs the ring is to have; beside a shared secret that signs they wait. */
export function pairAlgorithm({ algorithm }: Pick<TokenSettings, "algorithm">): PairAlgorithm {
  return algorithm === "HS256" ? "ES256" : algorithm;
}

/** The shared secret comes first where it signs, and else last. */
function withSecret(ring: readonly SigningKey[], tokens: TokenSettings): SigningKey[] {
  if (tokens.jwtSecret === "") return [...ring];
  const shared = sharedSecretKey(tokens.jwtSecret);
  return tokens.algorithm === "HS256" ? [shared, ...ring] : [...ring, shared];
}
