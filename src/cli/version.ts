/** `reactor version`: of this program. */
import type { Command } from "./command.ts";

export const command: Command = {
  name: "version",
  summary: "Print the version",
  usage: "[options]",
  options: {},
  args: [0, 0],
  examples: [{ run: "reactor version", what: "of this program" }],
  async run({ host, out }) {
    const data = { version: host.version, bun: Bun.version, platform: platform() };
    out.result(data, `reactor ${data.version} (bun ${data.bun}, ${data.platform})`);
    return 0;
  },
};

function platform(): string {
  return `${process.platform}-${process.arch}`;
}
