/**
 * Sign-in through others as an unchanged client uses it, on the compiled executable; the secret towards
 * the provider is in the vault, put there by the command.
 */
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

const PATH = "auth/acme";

/** The settings with the secret's place, and the secret. */
function withSecretInVault(auth: ProviderClientSettings) {
  const { acme } = auth["providers"] as { acme: { client_secret: string } };
  const providers = { acme: { ...acme, client_secret: `vault:${PATH}` } };
  return { settings: { ...auth, providers }, secret: acme.client_secret };
}

describeProviderClients(async (auth) => {
  const project = bench.folder();
  const { settings, secret } = withSecretInVault(auth);
  writeFileSync(join(project, "reactor.toml"), toToml(settings));
  const server = await bench.start(project, ["serve", "--port", "0"]);
  const set = await bench.run(project, ["vault", "set", PATH], { input: secret });
  if (set.code !== 0) throw new Error(set.stderr);
  const { publishable_key: publishableKey, secret_key: secretKey } = server.status;
  return { url: server.url, publishableKey, secretKey, stop: async () => undefined };
});
