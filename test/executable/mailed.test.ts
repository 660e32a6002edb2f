/** Codes and links as an unchanged client uses them, on the compiled executable. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeMailedClients, type MailedSettings } from "../auth/mailed-clients.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench("shared");

function toToml(settings: MailedSettings): string {
  const lines = Object.entries(settings).flatMap(([section, values]) => [
    `[${section}]`,
    ...Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
  ]);
  return `${lines.join("\n")}\n`;
}

describeMailedClients(async (settings) => {
  const project = bench.folder();
  writeFileSync(join(project, "reactor.toml"), toToml(settings));
  const server = await bench.start(project, ["serve", "--port", "0"]);
  const { publishable_key: publishableKey, secret_key: secretKey } = server.status;
  return { url: server.url, publishableKey, secretKey, stop: async () => undefined };
});
