/** Device codes: what a device is told while its person decides, and what guessing is worth. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { newUserCode } from "../../src/capabilities/auth/devices/user-code.ts";
import { sweepOAuth } from "../../src/capabilities/auth/issuer/sweep-oauth.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, type SignedIn, signUp } from "./auth-world.ts";
import { claimsOf, register, sendForm, type TestClient } from "./oauth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const CODE = /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/;
/** Of the command line, made by the migration. */
const CLI: TestClient = {
  id: "5ea0c70a-c11e-7000-8000-000000000001",
  secret: null,
  redirectUri: "",
};
let world: AuthWorld;
let ada: SignedIn;
let device: TestClient;

beforeAll(async () => {
  world = await openAuthWorld();
  ada = await signUp(world, "ada@example.test");
  device = await register(world, {
    client_name: "Lamp",
    redirect_uris: [],
    grant_types: [GRANT, "refresh_token"],
  });
});
afterAll(() => world.close());

test("the command line's client is neither removed nor changed", async () => {
  const path = `/auth/v1/admin/oauth/clients/${CLI.id}`;
  const bearer = world.project.secretKey;
  const changes = { client_name: "Other", grant_types: ["authorization_code"] };
  for (const at of [path, path.replace("5ea0c70a", "5EA0C70A")]) {
    const removed = await world.send("DELETE", at, { bearer });
    expect([removed.status, removed.body.code]).toEqual([409, "oauth_client_built_in"]);
    const changed = await world.send("PUT", at, { bearer, body: changes });
    expect([changed.status, changed.body.code]).toEqual([409, "oauth_client_built_in"]);
  }
  expect((await ask(CLI)).user_code).toMatch(CODE);
});

interface Asked {
  readonly device_code: string;
  readonly user_code: string;
}

async function ask(client = device, fields: Record<string, string> = {}): Promise<Asked> {
  const { status, body } = await sendForm(world, client, "device_authorization", fields);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body as Asked;
}

const poll = async ({ device_code: code }: Asked, client = device) => {
  const answer = await sendForm(world, client, "token", { grant_type: GRANT, device_code: code });
  return (answer.body.error ?? answer.status) as string | number;
};
const PATH = "/auth/v1/oauth/device";
const path = (code: string) => `${PATH}?user_code=${encodeURIComponent(code)}`;
const show = (code: string, who = ada) =>
  world.send("GET", path(code), { bearer: who.accessToken });
const answer = (code: string, action: string, who = ada) =>
  world.send("POST", PATH, { body: { user_code: code, action }, bearer: who.accessToken });

describe("a device", () => {
  test("waits, and is given tokens once its person agreed", async () => {
    const { body } = await sendForm(world, CLI, "device_authorization", { scope: "openid email" });
    expect(body.user_code).toMatch(CODE);
    expect(body).toMatchObject({
      verification_uri: "https://auth.example.test/auth/ui/device",
      verification_uri_complete: `https://auth.example.test/auth/ui/device?user_code=${body.user_code}`,
      expires_in: 600,
      interval: 5,
    });
    expect(await poll(body, CLI)).toBe("authorization_pending");
    const shown = await show(body.user_code);
    expect(shown.body).toMatchObject({
      user_code: body.user_code,
      client: { name: "Reactor command line" },
      registration_type: "manual",
      scope: "openid email",
      ip: "127.0.0.1",
    });
    expect((await answer(body.user_code, "approve")).status).toBe(200);
    await world.clock.advance(5_000);
    const tokens = await sendForm(world, CLI, "token", {
      grant_type: GRANT,
      device_code: body.device_code,
    });
    expect(tokens.status).toBe(200);
    expect(claimsOf(tokens.body.access_token)).toMatchObject({
      sub: ada.userId,
      client_id: CLI.id,
      scope: "openid email",
    });
    const grants = await world.send("GET", "/auth/v1/user/oauth/grants", {
      bearer: ada.accessToken,
    });
    expect(grants.body[0].client.name).toBe("Reactor command line");
  });

  test("that asks too often is told to wait longer, each time", async () => {
    const asked = await ask();
    expect(await poll(asked)).toBe("authorization_pending");
    await world.clock.advance(4_999);
    expect(await poll(asked)).toBe("slow_down");
    await world.clock.advance(9_999);
    expect(await poll(asked)).toBe("slow_down");
    await world.clock.advance(15_000);
    expect(await poll(asked)).toBe("authorization_pending");
  });

  test("is told when its person denied, and when its time is over", async () => {
    const denied = await ask();
    await answer(denied.user_code, "deny");
    expect(await poll(denied)).toBe("access_denied");
    const late = await ask();
    await world.clock.advance(600_000);
    expect(await poll(late)).toBe("expired_token");
    expect((await show(late.user_code)).status).toBe(404);
  });

  test("gets nothing once its person has signed out everywhere", async () => {
    const asked = await ask();
    const eve = await signUp(world, "eve@example.test");
    await answer(asked.user_code, "approve", eve);
    await world.send("POST", "/auth/v1/logout", { bearer: eve.accessToken });
    expect(await poll(asked)).toBe("invalid_grant");
  });

  test("is given tokens once, also when it asks many times at once", async () => {
    const asked = await ask();
    await answer(asked.user_code, "approve");
    const all = await Promise.all(Array.from({ length: 6 }, () => poll(asked)));
    expect(all.sort()).toEqual([200, ...Array(5).fill("invalid_grant")]);
  });

  test("gets nothing by another's code, by its user code, or by one that was made up", async () => {
    const asked = await ask();
    await answer(asked.user_code, "approve");
    const thief = await register(world, { redirect_uris: [], grant_types: [GRANT] });
    expect(await poll(asked, thief)).toBe("invalid_grant");
    for (const code of [asked.user_code, "x", `${asked.device_code}x`]) {
      expect(await poll({ ...asked, device_code: code })).toBe("invalid_grant");
    }
    expect(await poll(asked)).toBe(200);
  });

  test("gets nothing after its grant was taken back", async () => {
    const asked = await ask();
    await answer(asked.user_code, "approve");
    await world.send("DELETE", `/auth/v1/user/oauth/grants?client_id=${device.id}`, {
      bearer: ada.accessToken,
    });
    expect(await poll(asked)).toBe("expired_token");
  });

  test("needs a client that may", async () => {
    const web = await register(world);
    const refused = await sendForm(world, web, "device_authorization", {});
    expect(refused).toMatchObject({ status: 400, body: { error: "unauthorized_client" } });
    const unknown = { ...device, id: crypto.randomUUID() };
    const nobody = await sendForm(world, unknown, "device_authorization", {});
    expect(nobody).toMatchObject({ status: 401, body: { error: "invalid_client" } });
  });
});

describe("a user code", () => {
  test("is read however it is typed", async () => {
    const { user_code: code } = await ask();
    const plain = code.replace("-", "");
    for (const typed of [code.toLowerCase(), plain, ` ${plain.slice(0, 3)} ${plain.slice(3)}`]) {
      expect((await show(typed)).body.user_code).toBe(code);
    }
    for (const typed of ["", "-", "BCDF", `${code}B`, "AEIO-UAEI", "'--", "x".repeat(100)]) {
      expect([typed, (await show(typed)).status]).toEqual([typed, 404]);
    }
  });

  test("is decided once, by somebody who is signed in", async () => {
    const { user_code: code } = await ask();
    expect((await world.send("GET", path(code))).status).toBe(401);
    expect((await answer(code, "perhaps")).status).toBe(400);
    expect((await answer(code, "approve")).status).toBe(200);
    const again = await answer(code, "approve");
    expect([again.status, again.body.code]).toEqual([404, "device_code_not_found"]);
  });

  test("is guessed at a few times a minute, by person and by address", async () => {
    const before = world.limited.length;
    await show("BCDF-GHJK");
    const asked = world.limited.slice(before);
    expect(asked.map(({ key }) => key.split(":").slice(0, 3).join(":"))).toEqual([
      "auth:oauth_user_code:address",
      "auth:oauth_user_code:identity",
    ]);
    expect(asked.map(({ limit }) => limit)).toEqual([10, 10]);
    world.refuse(1);
    expect((await show("BCDF-GHJK")).status).toBe(429);
  });

  test("uses every letter of its alphabet alike, and is kept as a hash", async () => {
    const counts = new Map<string, number>();
    for (let n = 0; n < 5_000; n += 1) {
      for (const letter of newUserCode(world.state.deps.rng).replace("-", "")) {
        counts.set(letter, (counts.get(letter) ?? 0) + 1);
      }
    }
    expect(counts.size).toBe(20);
    // 2,000 of each are expected; 0.85 to 1.15 of it is more than six standard deviations.
    for (const count of counts.values()) expect(count).toBeWithin(1_700, 2_300);
    const { user_code: code, device_code: secret } = await ask();
    const rows = await world.sql`select t::text as row from auth.oauth_device_codes t`;
    const dump = rows.map((row) => String(row["row"])).join();
    expect(dump).not.toContain(code);
    expect(dump).not.toContain(secret);
  });
});

test("the janitor removes what is over, and keeps what its reuse must be known by", async () => {
  const count = async () => {
    const [row] = await world.sql`select count(*)::int as n from auth.oauth_device_codes`;
    return row?.["n"] as number;
  };
  const done = await ask();
  await answer(done.user_code, "approve");
  expect(await poll(done)).toBe(200);
  await ask();
  const before = await count();
  await sweepOAuth(world.state, DEFAULT_TENANT);
  expect(await count()).toBeGreaterThan(1);
  await world.clock.advance(601_000);
  await sweepOAuth(world.state, DEFAULT_TENANT);
  const exchanged = await world.sql`
    select id from auth.oauth_device_codes where status = 'exchanged'`;
  expect(await count()).toBe(exchanged.length);
  expect(exchanged.length).toBeWithin(1, before);
  await world.clock.advance(31 * 86_400_000);
  await sweepOAuth(world.state, DEFAULT_TENANT);
  expect(await count()).toBe(0);
});
