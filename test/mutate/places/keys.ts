/** Signing keys, sessions and the vault: what must hold while keys change. */
import type { Mutation } from "../mutation.ts";

const RING = { file: "src/shared/auth/key-ring.ts", tests: ["test/auth/signing-keys.test.ts"] };
const RESEAL = {
  file: "src/shared/vault/reseal.ts",
  tests: ["test/conformance/vault-rotation.test.ts"],
};
const OPEN = {
  file: "src/shared/vault/open-roots.ts",
  tests: ["test/conformance/vault-rotation.test.ts"],
};

export const keys: readonly Mutation[] = [
  {
    ...RING,
    name: "keys: a previous key goes with its last signature",
    find: "endsAt: now + ttlMs + OVERLAP_MS",
    replace: "endsAt: now + OVERLAP_MS",
    only: "previous key goes",
    why: "everybody is signed out by a rotation",
  },
  {
    ...RING,
    name: "keys: a previous key verifies for ever",
    find: "keys.filter((one) => one.endsAt === null || now < one.endsAt)",
    replace: "keys.filter((one) => one.endsAt === null || now !== one.endsAt)",
    only: "previous key goes",
    why: "a key that was stolen years ago still makes tokens",
  },
  {
    ...RING,
    name: "keys: the next key signs before it was announced",
    find: "next.createdAt + settings.announceS * 1000",
    replace: "next.createdAt",
    only: "announced",
    why: "whoever keeps the JWKS refuses good tokens",
  },
  {
    ...RING,
    name: "keys: a private part outlives its turn",
    find: "privateJwk: {} }",
    replace: "privateJwk: one.key.privateJwk }",
    only: "private part",
    why: "what signs no more can be stolen to sign",
  },
  {
    name: "keys: a shared secret is published",
    file: "src/capabilities/auth/issuer/describe-issuer.ts",
    find: "if (publicJwk === null || endsAt <= now) return [];",
    replace: "if (endsAt <= now) return [];",
    tests: ["test/auth/signing-keys.test.ts"],
    only: "HS256",
    why: "anybody signs tokens",
  },
  {
    name: "keys: a server never looks for a key it does not know",
    file: "src/shared/auth/create-local-auth.ts",
    find: 'if (found || !lookAgain || kid === "") return found;',
    replace: "if (found || lookAgain) return found;",
    tests: ["test/auth/signing-keys.test.ts"],
    only: "have not heard of",
    why: "good tokens are refused until the bus delivers",
  },
  {
    name: "sessions: anybody's can be ended",
    file: "src/capabilities/auth/sessions/session-store.ts",
    find: "delete from auth.sessions where user_id =",
    replace: "delete from auth.sessions where user_id is not null or user_id =",
    tests: ["test/auth/sessions.test.ts"],
    only: "neither sees nor ends",
    why: "who knows a session's id signs its person out",
  },
  {
    name: "sessions: a token outlives the time box",
    file: "src/capabilities/auth/sessions/compose-claims.ts",
    find: "exp: Math.min(...ends),",
    replace: "exp: ends[0] ?? 0,",
    tests: ["test/auth/sessions.test.ts"],
    only: "time box is the latest",
    why: "a session that has ended goes on for an hour",
  },
  {
    name: "sessions: want of use ends nothing",
    file: "src/capabilities/auth/sessions/session-life.ts",
    find: "if (idleS > 0) {",
    replace: "if (idleS < 0) {",
    tests: ["test/auth/sessions.test.ts"],
    only: "want of use",
    why: "a forgotten device stays signed in",
  },
  {
    ...RESEAL,
    name: "vault: a secret names the new root and keeps the old seal",
    find: "sealed: to.takeOver(from, { tenantId: tenant.id, path, version }, row.sealed),",
    replace: "sealed: row.sealed,",
    why: "a rotation loses every secret",
  },
  {
    ...OPEN,
    name: "vault: the old key opens beside the new one for ever",
    find: "await sql.begin((tx) => settleUnlock(tx, tenant, id));",
    replace: "",
    only: "never after",
    why: "a rotation after a theft changes nothing for the thief",
  },
  {
    ...OPEN,
    name: "vault: a root that opens by half counts",
    find: "if (keys.size === 0 || keys.size < own.length) continue;",
    replace: "if (own.length === 0) continue;",
    only: "accents",
    why: "a wrong passphrase opens an empty vault, and writes into it",
  },
];
