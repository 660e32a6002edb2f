/** An unchanged `@supabase/supabase-js` goes through every call of `auth.mfa` and `auth.admin.mfa`. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { systemClock } from "../../../src/shared/clock.ts";
import { ok } from "../../support/ok.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { totpCode } from "./factor-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const PASSWORD = "correct horse battery";
let server: TestServer;
let count = 0;

const client = (key = server.publishableKey): SupabaseClient =>
  createClient(server.url, key, {
    auth: {
      persistSession: false,
      autoRefreshToken: false,
      detectSessionInUrl: false,
      experimental: { recoveryCodes: true },
    },
  });

beforeAll(async () => {
  server = await startTestServer({ only: ["auth"] });
});
afterAll(() => server.stop());

const codeOf = ({ error }: { error: unknown }) => (error as { code?: string } | null)?.code;
/** Each call a step later than the one before, so that no code is there twice. */
const codeFor = (secret: string, steps = 0) => totpCode({ clock: systemClock }, secret, steps);

async function newPerson() {
  const app = client();
  const email = `mfa-${++count}@example.test`;
  const { user } = ok(await app.auth.signUp({ email, password: PASSWORD }));
  return { app, email, id: user?.id ?? "" };
}

describe("supabase-js", () => {
  test("enrols an authenticator app, by challenge and verification", async () => {
    const { app } = await newPerson();
    const made = ok(await app.auth.mfa.enroll({ factorType: "totp", friendlyName: "Phone" }));
    expect(made.totp.qr_code).toStartWith("data:image/svg+xml;utf-8,<svg");
    const pending = ok(await app.auth.mfa.listFactors());
    expect([pending.all.length, pending.totp.length]).toEqual([1, 0]);
    const { id: challengeId } = ok(await app.auth.mfa.challenge({ factorId: made.id }));
    const code = codeFor(made.totp.secret);
    const verified = ok(await app.auth.mfa.verify({ factorId: made.id, challengeId, code }));
    expect(verified.user.factors?.[0]?.status).toBe("verified");
    const listed = ok(await app.auth.mfa.listFactors());
    expect(listed.totp).toMatchObject([{ friendly_name: "Phone", status: "verified" }]);
    const level = ok(await app.auth.mfa.getAuthenticatorAssuranceLevel());
    expect([level.currentLevel, level.nextLevel]).toEqual(["aal2", "aal2"]);
    ok(await app.auth.refreshSession());
    expect(ok(await app.auth.mfa.getAuthenticatorAssuranceLevel()).currentLevel).toBe("aal2");
  });

  test("is asked for the second factor after the next sign-in, and removes it", async () => {
    const { app, email } = await newPerson();
    const { id: factorId, totp } = ok(await app.auth.mfa.enroll({ factorType: "totp" }));
    const first = { factorId, code: codeFor(totp.secret, -1) };
    ok(await app.auth.mfa.challengeAndVerify(first));
    const again = client();
    ok(await again.auth.signInWithPassword({ email, password: PASSWORD }));
    const level = ok(await again.auth.mfa.getAuthenticatorAssuranceLevel());
    expect([level.currentLevel, level.nextLevel]).toEqual(["aal1", "aal2"]);
    expect(codeOf(await again.auth.updateUser({ password: "a wholly new password" }))).toBe(
      "insufficient_aal",
    );
    expect(codeOf(await again.auth.mfa.unenroll({ factorId }))).toBe("insufficient_aal");
    expect(codeOf(await again.auth.mfa.challengeAndVerify(first))).toBe("mfa_verification_failed");
    ok(await again.auth.mfa.challengeAndVerify({ factorId, code: codeFor(totp.secret, 1) }));
    const raised = ok(await again.auth.mfa.getAuthenticatorAssuranceLevel());
    expect(raised.currentLevel).toBe("aal2");
    const methods = raised.currentAuthenticationMethods.map((one) =>
      typeof one === "string" ? one : one.method,
    );
    expect(methods.sort()).toEqual(["password", "totp"]);
    expect(ok(await again.auth.mfa.unenroll({ factorId })).id).toBe(factorId);
    ok(await again.auth.refreshSession());
    const lowered = ok(await again.auth.mfa.getAuthenticatorAssuranceLevel());
    expect([lowered.currentLevel, lowered.nextLevel]).toEqual(["aal1", "aal1"]);
  });

  test("makes, counts, uses, replaces and removes recovery codes", async () => {
    const { app, email } = await newPerson();
    const { id: factorId, totp } = ok(await app.auth.mfa.enroll({ factorType: "totp" }));
    ok(await app.auth.mfa.challengeAndVerify({ factorId, code: codeFor(totp.secret) }));
    const { recoveryCodes } = app.auth.mfa;
    expect(codeOf(await recoveryCodes.getStatus())).toBe("mfa_factor_not_found");
    const { codes } = ok(await recoveryCodes.generate({ friendlyName: "Paper" }));
    expect(codes).toHaveLength(8);
    const lost = client();
    ok(await lost.auth.signInWithPassword({ email, password: PASSWORD }));
    const wrong = await lost.auth.mfa.recoveryCodes.verify({ code: "wrong" });
    expect(codeOf(wrong)).toBe("mfa_verification_failed");
    ok(await lost.auth.mfa.recoveryCodes.verify({ code: codes[3] ?? "" }));
    const status = ok(await lost.auth.mfa.recoveryCodes.getStatus());
    expect([status.total, status.remaining]).toEqual([8, 7]);
    expect(ok(await lost.auth.mfa.listFactors()).recovery_code).toHaveLength(1);
    expect(ok(await lost.auth.mfa.recoveryCodes.regenerate()).codes).not.toEqual(codes);
    ok(await lost.auth.mfa.recoveryCodes.unenroll());
    expect(codeOf(await lost.auth.mfa.recoveryCodes.getStatus())).toBe("mfa_factor_not_found");
  });

  test("lists and removes factors with the secret key", async () => {
    const { app, id } = await newPerson();
    const { admin } = client(server.secretKey).auth;
    const { id: factorId } = ok(await app.auth.mfa.enroll({ factorType: "totp" }));
    const { factors } = ok(await admin.mfa.listFactors({ userId: id }));
    expect(factors.map((factor) => [factor.id, factor.status])).toEqual([[factorId, "unverified"]]);
    // auth-js wraps this answer once more than its types say.
    expect(ok(await admin.mfa.deleteFactor({ userId: id, id: factorId }))).toMatchObject({
      data: { id: factorId },
    });
    expect(ok(await admin.mfa.listFactors({ userId: id })).factors).toEqual([]);
    expect(codeOf(await client().auth.admin.mfa.listFactors({ userId: id }))).toBe("not_admin");
  });
});
