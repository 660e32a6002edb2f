/** Sign-in through others as an unchanged client uses it, on the compiled executable. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeProviderClients, type ProviderClientSettings } from "../auth/provider-clients.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench("shared");

/** Tables inside tables in TOML's inline form. */
function inline(value: unknown): string {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return JSON.stringify(value);
  }
  const members = Object.entries(value).map(([key, one]) => `${key} = ${inline(one)}`);
  return `{ ${members.join(", ")} }`;
}

const toToml = (auth: ProviderClientSettings) =>
  `[auth]\n${Object.entries(auth)
    .map(([key, value]) => `${key} = ${inline(value)}\n`)
    .join("")}`;

describeProviderClients(async (auth) => {
  const project = bench.folder();
  writeFileSync(join(project, "reactor.toml"), toToml(auth));
  const server = await bench.start(project, ["serve", "--port", "0"]);
  const { publishable_key: publishableKey, secret_key: secretKey } = server.status;
  return { url: server.url, publishableKey, secretKey, stop: async () => undefined };
});
