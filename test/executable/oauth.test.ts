/** Strict clients of others sign a person in to the compiled executable. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeOAuthPeers, PEER_SETTINGS } from "../auth/oauth-peers.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench("shared");

describeOAuthPeers(async () => {
  const project = bench.folder();
  const lines = Object.entries(PEER_SETTINGS).map(
    ([name, value]) => `${name} = ${JSON.stringify(value)}`,
  );
  writeFileSync(join(project, "reactor.toml"), `[auth.oauth_server]\n${lines.join("\n")}\n`);
  const server = await bench.start(project, ["serve", "--port", "0"]);
  const { publishable_key: publishableKey, secret_key: secretKey } = server.status;
  return { url: server.url, publishableKey, secretKey, stop: async () => undefined };
});
