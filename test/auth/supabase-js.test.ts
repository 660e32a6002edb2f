/** An unchanged `@supabase/supabase-js` goes through every flow it knows of this slice. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { ok } from "../support/ok.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const PASSWORD = "correct horse battery";
let server: TestServer;
let count = 0;
const nextEmail = () => `js-${++count}@example.test`;

function client(key = server.publishableKey): SupabaseClient {
  return createClient(server.url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
}

beforeAll(async () => {
  server = await startTestServer({ only: ["auth"] });
});
afterAll(() => server.stop());

describe("supabase-js", () => {
  test("signs up, reads the user, signs out", async () => {
    const app = client();
    const email = nextEmail();
    const signedUp = ok(
      await app.auth.signUp({ email, password: PASSWORD, options: { data: { name: "Ada" } } }),
    );
    expect(signedUp.session?.token_type).toBe("bearer");
    expect(signedUp.user?.user_metadata["name"]).toBe("Ada");
    const { user } = ok(await app.auth.getUser());
    expect(user?.email).toBe(email);
    expect(user?.identities?.[0]?.provider).toBe("email");
    const token = signedUp.session?.access_token ?? "";
    expect((await app.auth.signOut()).error).toBeNull();
    const { error } = await app.auth.getUser(token);
    expect(error?.name).toBe("AuthSessionMissingError");
  });

  test("signs in with a password and refreshes", async () => {
    const app = client();
    const email = nextEmail();
    ok(await app.auth.signUp({ email, password: PASSWORD }));
    const first = ok(await app.auth.signInWithPassword({ email, password: PASSWORD }));
    const next = ok(await app.auth.refreshSession());
    expect(next.session?.refresh_token).not.toBe(first.session.refresh_token);
    expect(next.user?.id).toBe(first.user.id);
    ok(await app.auth.getUser());
  });

  test("verifies tokens by the public keys alone", async () => {
    const app = client();
    const email = nextEmail();
    const { user } = ok(await app.auth.signUp({ email, password: PASSWORD }));
    const claims = ok(await app.auth.getClaims());
    expect(claims?.claims.sub).toBe(user?.id ?? "");
    expect(claims?.header.alg).toBe("ES256");
  });

  test("changes metadata, password and address", async () => {
    const app = client();
    const email = nextEmail();
    ok(await app.auth.signUp({ email, password: PASSWORD }));
    const { user } = ok(await app.auth.updateUser({ data: { theme: "dark" } }));
    expect(user?.user_metadata["theme"]).toBe("dark");
    ok(await app.auth.updateUser({ password: "a wholly new password" }));
    const moved = nextEmail();
    expect(ok(await app.auth.updateUser({ email: moved })).user?.email).toBe(moved);
    ok(await client().auth.signInWithPassword({ email: moved, password: "a wholly new password" }));
  });

  test("reads the code and the message of errors", async () => {
    const app = client();
    const email = nextEmail();
    ok(await app.auth.signUp({ email, password: PASSWORD }));
    const codeOf = (error: unknown) => (error as { code?: string } | null)?.code;
    const again = await client().auth.signUp({ email, password: PASSWORD });
    expect([codeOf(again.error), again.error?.message]).toEqual([
      "user_already_exists",
      "User already registered",
    ]);
    const wrong = await client().auth.signInWithPassword({ email, password: "not my password" });
    expect([codeOf(wrong.error), wrong.error?.status]).toEqual(["invalid_credentials", 400]);
    const same = await app.auth.updateUser({ password: PASSWORD });
    expect(codeOf(same.error)).toBe("same_password");
    const stale = await client().auth.refreshSession({ refresh_token: "A".repeat(43) });
    expect(codeOf(stale.error)).toBe("refresh_token_not_found");
    const forged = await client().auth.getUser("ey.not.it");
    expect(codeOf(forged.error)).toBe("bad_jwt");
  });

  test("learns why a password is weak", async () => {
    const { error } = await client().auth.signUp({ email: nextEmail(), password: "short" });
    expect(error).toMatchObject({
      name: "AuthWeakPasswordError",
      code: "weak_password",
      reasons: ["length"],
    });
  });

  test("signs out here, elsewhere, everywhere", async () => {
    const email = nextEmail();
    const [here, there] = [client(), client()];
    ok(await here.auth.signUp({ email, password: PASSWORD }));
    ok(await there.auth.signInWithPassword({ email, password: PASSWORD }));
    expect((await here.auth.signOut({ scope: "others" })).error).toBeNull();
    expect((await there.auth.getUser()).error?.name).toBe("AuthSessionMissingError");
    ok(await here.auth.getUser());
    const token = ok(await here.auth.getSession()).session?.access_token ?? "";
    expect((await here.auth.signOut({ scope: "local" })).error).toBeNull();
    expect((await client().auth.getUser(token)).error?.name).toBe("AuthSessionMissingError");
  });

  test("manages people with the secret key", async () => {
    const { admin } = client(server.secretKey).auth;
    const email = nextEmail();
    const { user } = ok(
      await admin.createUser({
        email,
        password: PASSWORD,
        email_confirm: true,
        app_metadata: { customer_id: 7 },
      }),
    );
    expect(user?.app_metadata["customer_id"]).toBe(7);
    const id = user?.id ?? "";
    expect(ok(await admin.getUserById(id)).user?.email).toBe(email);
    const page = ok(await admin.listUsers({ page: 1, perPage: 1 }));
    expect(page.users.map((u) => u.id)).toEqual([id]);
    expect(page).toMatchObject({ nextPage: 2, total: count > 1 ? expect.any(Number) : 1 });
    ok(await client().auth.signInWithPassword({ email, password: PASSWORD }));
    ok(await admin.deleteUser(id));
    const gone = await admin.getUserById(id);
    expect(gone.error).toMatchObject({ status: 404, code: "user_not_found" });
  });

  test("is refused the management of people without the secret key", async () => {
    const { error } = await client().auth.admin.listUsers();
    expect(error).toMatchObject({ status: 403, code: "not_admin" });
  });
});
