/**
 * Second factors and passkeys in the compiled file: codes, keys of every algorithm and certificates of
 * makers are made and verified there, and seeds outlive the server in the vault.
 */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { systemClock } from "../../src/shared/clock.ts";
import { totpCode } from "../auth/factors/factor-world.ts";
import { makeCertificate, pemOf } from "../auth/factors/make-certificate.ts";
import { SoftAuthenticator, signWith } from "../auth/factors/soft-authenticator.ts";
import type { RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { ok } from "../support/ok.ts";

const bench = executableBench();
const ORIGIN = "https://app.example.test";
const PASSWORD = "correct horse battery";
const codeFor = (secret: string, steps = 0) => totpCode({ clock: systemClock }, secret, steps);

const client = (server: RunningExecutable) =>
  createClient(server.url, server.status.publishable_key, {
    auth: {
      persistSession: false,
      autoRefreshToken: false,
      experimental: { recoveryCodes: true },
    },
  });

test("factors and passkeys work, are kept over a restart", async () => {
  const project = bench.folder();
  const root = makeCertificate({ unit: "Root", isCa: true });
  writeFileSync(join(project, "makers.pem"), pemOf(root));
  const settings = [
    "[auth]",
    `site_url = "${ORIGIN}"`,
    "hash_memory_kib = 4096",
    'webauthn_attestation = "packed"',
    'webauthn_attestation_roots = ["makers.pem"]',
  ];
  writeFileSync(join(project, "reactor.toml"), `${settings.join("\n")}\n`);
  const start = () => bench.start(project, ["serve", "--port", "0"]);
  const first = await start();
  const app = client(first);
  const email = "compiled@example.test";
  ok(await app.auth.signUp({ email, password: PASSWORD }));
  const { id: factorId, totp } = ok(await app.auth.mfa.enroll({ factorType: "totp" }));
  ok(await app.auth.mfa.challengeAndVerify({ factorId, code: codeFor(totp.secret, -1) }));
  const { codes } = ok(await app.auth.mfa.recoveryCodes.generate());
  const leaf = makeCertificate({ issuer: root, aaguid: Buffer.alloc(16) });
  const device = new SoftAuthenticator(ORIGIN);
  const attested = {
    format: "packed",
    statement: (signed: Buffer) =>
      new Map<string, unknown>([
        ["alg", -7],
        ["sig", signWith({ privateKey: leaf.privateKey, algorithm: -7 }, signed)],
        ["x5c", [leaf.der]],
      ]),
  };
  const passkeys = [];
  for (const algorithm of [-7, -8, -257] as const) {
    const begun = ok(await app.auth.passkey.startRegistration());
    const { credential, json } = device.create(begun.options, algorithm, attested);
    const answer = { challengeId: begun.challenge_id, credential: json };
    ok(await app.auth.passkey.verifyRegistration(answer));
    passkeys.push(credential);
  }
  await first.stop();

  const second = await start();
  for (const passkey of passkeys) {
    const anyone = client(second);
    const begun = ok(await anyone.auth.passkey.startAuthentication());
    const json = device.get(begun.options, passkey);
    const answer = { challengeId: begun.challenge_id, credential: json };
    expect(ok(await anyone.auth.passkey.verifyAuthentication(answer)).user?.email).toBe(email);
    const level = ok(await anyone.auth.mfa.getAuthenticatorAssuranceLevel());
    expect([level.currentLevel, level.nextLevel]).toEqual(["aal1", "aal2"]);
  }
  const again = client(second);
  ok(await again.auth.signInWithPassword({ email, password: PASSWORD }));
  ok(await again.auth.mfa.challengeAndVerify({ factorId, code: codeFor(totp.secret, 1) }));
  const lost = client(second);
  ok(await lost.auth.signInWithPassword({ email, password: PASSWORD }));
  ok(await lost.auth.mfa.recoveryCodes.verify({ code: codes[0] ?? "" }));
});
