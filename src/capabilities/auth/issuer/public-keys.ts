/** The project's public keys as jose verifies tokens by them; a shared secret is none of them. */
import { createLocalJWKSet, type JWK } from "jose";
import type { Project } from "../../../core/project.ts";

export function publicKeys({ signingKeys }: Project) {
  const keys = signingKeys.filter(({ publicJwk }) => publicJwk !== null);
  const set = createLocalJWKSet({
    keys: keys.map(({ kid, alg, publicJwk }) => ({ ...publicJwk, kid, alg }) as JWK),
  });
  return { set, algorithms: [...new Set(keys.map(({ alg }): string => alg))] };
}
