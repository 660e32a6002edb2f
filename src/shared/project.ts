/**
 * The identity of one installation: issuer, project keys and signing key. Made once, by whichever
 * server comes first, sealed in the vault, and the same for all servers on the database.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import type { Ids } from "../core/ports/ids.ts";
import type { Vault } from "../core/ports/vault.ts";
import type { Project, SigningKey } from "../core/project.ts";
import type { TenantCtx } from "../core/tenant.ts";

export interface LoadProjectOptions {
  readonly vault: Vault;
  readonly tenant: TenantCtx;
  readonly ids: Ids;
  /** `server.public_url`; empty when there is none. */
  readonly publicUrl: string;
}

const PATHS = {
  issuer: "project/issuer",
  publishable: "project/publishable_key",
  secret: "project/secret_key",
  signing: "project/signing_key",
} as const;

/** Reads the project, making what is missing. Concurrent servers agree: the first value stands. */
export async function loadProject(options: LoadProjectOptions): Promise<Project> {
  const { vault, tenant, ids, publicUrl } = options;
  const keep = async (path: string, make: () => Promise<string> | string) => {
    const known = await vault.get(tenant, path);
    return (known ?? (await vault.putIfAbsent(tenant, path, await make()))).value;
  };
  const [issuer, publishableKey, secretKey, signing] = await Promise.all([
    keep(PATHS.issuer, () => `urn:uuid:${ids.uuid()}`),
    keep(PATHS.publishable, () => `sb_publishable_${ids.token(24)}`),
    keep(PATHS.secret, () => `sb_secret_${ids.token(32)}`),
    keep(PATHS.signing, makeSigningKey),
  ]);
  return {
    // A public URL may change; tokens of the old one must then be renewed, as they should.
    issuer: publicUrl === "" ? issuer : `${publicUrl.replace(/\/+$/, "")}/auth/v1`,
    publishableKey,
    secretKey,
    signingKeys: [JSON.parse(signing) as SigningKey],
  };
}

/** A new ES256 key; `kid` is its RFC 7638 thumbprint. */
async function makeSigningKey(): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const facts = { kid, alg: "ES256", use: "sig" };
  const privateJwk = { ...(await exportJWK(privateKey)), ...facts };
  return JSON.stringify({ kid, alg: "ES256", privateJwk, publicJwk: { ...publicJwk, ...facts } });
}
