/** Sockets of a server whose tokens are signed by somebody else (`jwt_secret`), as `/data/v1` takes them. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTestServer, type TestServer } from "../support/server.ts";
import { forgeHmac } from "../support/token-forge.ts";
import { asOwner, clientOf, closeClients, memberOf, subscribed } from "./channels-world.ts";

setDefaultTimeout(60_000);

const SECRET = "a secret of at least thirty-two characters";
const HEADER = { alg: "HS256", typ: "JWT" };
const inSeconds = (s: number) => Math.floor(Date.now() / 1000) + s;
const tokenFor = (claims: object) => forgeHmac(SECRET, HEADER, { exp: inSeconds(3600), ...claims });

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ config: { data: { jwt_secret: SECRET } } });
  await asOwner(
    server,
    `create policy listen on realtime.messages for select to authenticated
       using ((select auth.jwt()) ->> 'team' = realtime.topic())`,
  );
});
afterEach(closeClients);
afterAll(() => server.stop());

const config = { private: true };

test("a token of that secret opens what its claims open, on the socket and by HTTP", async () => {
  const token = tokenFor({ role: "authenticated", team: "red" });
  const client = await memberOf(server, token);
  expect(await subscribed(client.channel("red", { config }))).toEqual({ status: "SUBSCRIBED" });
  expect((await subscribed(client.channel("blue", { config }))).error).toStartWith("Unauthorized");
  expect(await clientOf(server).channel("x").httpSend("e", {})).toEqual({ success: true });
});

test("a key that is such a token is a key", async () => {
  const key = tokenFor({ role: "anon" });
  expect(await subscribed(clientOf(server, { key }).channel("public"))).toEqual({
    status: "SUBSCRIBED",
  });
  const service = clientOf(server, { key: tokenFor({ role: "service_role" }) });
  expect((await subscribed(service.channel("any", { config }))).status).toBe("SUBSCRIBED");
});

test.each([
  [
    "another secret",
    () => forgeHmac("x".repeat(40), HEADER, { exp: inSeconds(60), role: "authenticated" }),
  ],
  [
    "no signature",
    () => `${tokenFor({ role: "authenticated" }).split(".").slice(0, 2).join(".")}.`,
  ],
  ["a time that is over", () => tokenFor({ role: "authenticated", exp: inSeconds(-120) })],
])("a token of %s opens nothing", async (_what, token) => {
  const asKey = await subscribed(clientOf(server, { key: token() }).channel("public"));
  expect(asKey.status).toBe("CHANNEL_ERROR");
  const member = await memberOf(server, token());
  const joined = await subscribed(member.channel("public"));
  expect(joined.status).toBe("CHANNEL_ERROR");
  expect(joined.error).toStartWith("InvalidJWTToken: ");
});

test("a server of data alone asks the one that has identity", async () => {
  const auth = await startTestServer({ only: ["auth"] });
  const data = await startTestServer({
    only: ["data"],
    databaseUrl: auth.ownerUrl,
    vaultKey: auth.vaultKey,
    config: { auth: { url: auth.url } },
  });
  await asOwner(
    data,
    `create policy own on realtime.messages for select to authenticated
       using ((select auth.uid())::text = realtime.topic())`,
  );
  const account = { email: "ann@example.com", password: "correct horse 9" };
  const { data: signedUp } = await clientOf(auth).auth.signUp(account);
  const { access_token: token = "", user } = signedUp.session ?? {};
  const client = await memberOf(data, token, { key: auth.publishableKey });
  expect(await subscribed(client.channel(user?.id ?? "", { config }))).toEqual({
    status: "SUBSCRIBED",
  });
  expect((await subscribed(client.channel("other", { config }))).status).toBe("CHANNEL_ERROR");
  const wrong = clientOf(data, { key: "sb_publishable_wrong" }).channel("x");
  expect((await subscribed(wrong)).status).toBe("CHANNEL_ERROR");
  await closeClients();
  await data.stop();
  await auth.stop();
});
