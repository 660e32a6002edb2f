/** An unchanged `@supabase/realtime-js` against servers from source. */
import { setDefaultTimeout } from "bun:test";
import { testPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/server.ts";
import { runRealtimeJs } from "./run-realtime-js.ts";

setDefaultTimeout(60_000);

runRealtimeJs(async () => {
  const database = await (await testPostgres()).createDatabase();
  const vaultKey = Buffer.alloc(32, 7).toString("base64");
  return {
    serve: (port = 0) =>
      startTestServer({ databaseUrl: database.url, vaultKey, config: { server: { port } } }),
    close: () => database.drop(),
  };
});
