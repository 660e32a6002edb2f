/** An unchanged `@supabase/realtime-js` against compiled executables that share a database. */
import { runRealtimeJs } from "../realtime/run-realtime-js.ts";
import { executableBench } from "../support/executable-bench.ts";
import { testPostgres } from "../support/postgres.ts";

const bench = executableBench("shared");

runRealtimeJs(async () => {
  const database = await (await testPostgres()).createDatabase();
  const env = {
    REACTOR_DATABASE__URL: database.url,
    REACTOR_VAULT__KEY: Buffer.alloc(32, 7).toString("base64"),
  };
  return {
    async serve(port = 0) {
      const args = ["serve", "--port", String(port)];
      const { url, status, stop } = await bench.start(bench.folder(), args, { env });
      const { publishable_key: publishableKey, secret_key: secretKey } = status;
      return { url, publishableKey, secretKey, ownerUrl: database.url, stop };
    },
    close: () => database.drop(),
  };
});
