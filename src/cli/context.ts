/** `reactor context`: saved servers. */
import { CliError } from "./cli-error.ts";
import type { Command } from "./command.ts";
import {
  CONTEXT_NAME,
  findContext,
  readContexts,
  type SavedContext,
  withContext,
  writeContexts,
} from "./contexts.ts";
import { table } from "./output.ts";
import { checkUrl, credentialsOf } from "./target.ts";

const add: Command = {
  name: "context add",
  summary: "Save a server under a name",
  usage: "[options] NAME --url URL",
  details: "`reactor login --context NAME` verifies and saves a token for it.",
  options: {
    url: {
      value: "URL",
      description: "The server's URL; with --tunnel as its own machine sees it",
    },
    token: { value: "TOKEN", description: "Admin token or secret key, unverified" },
    tunnel: { value: "ssh://[USER@]HOST", description: "Reach the server's machine over SSH" },
  },
  args: [1, 1],
  examples: [
    { run: "reactor context add prod --url https://api.example.com", what: "a server over TLS" },
    {
      run: "reactor context add pi --url http://127.0.0.1:7890 --tunnel ssh://pi@pi.local",
      what: "a server that answers administration on its own machine only",
    },
  ],
  async run({ host, out, args, option }) {
    const name = args[0] ?? "";
    const url = option("url");
    if (!CONTEXT_NAME.test(name)) {
      const hint = "Letters, digits, '.', '_' and '-'";
      throw new CliError("user", "invalid_argument", `'${name}' is not a context's name`, hint);
    }
    if (url === undefined) throw new CliError("user", "missing_value", "--url URL is needed");
    const { adminToken, key } = credentialsOf(option("token") ?? "");
    const tunnel = option("tunnel");
    const context: SavedContext = {
      name,
      url: checkUrl(url),
      ...(adminToken ? { admin_token: adminToken } : {}),
      ...(key ? { key } : {}),
      ...(tunnel ? { tunnel } : {}),
    };
    const file = withContext(readContexts(host), context);
    writeContexts(host, file);
    const isCurrent = file.current === name;
    const data = { name, url: context.url, current: isCurrent };
    out.result(data, `Saved ${name}${isCurrent ? ", now in use" : ""}`);
    return 0;
  },
};

const list: Command = {
  name: "context list",
  summary: "List saved servers",
  usage: "[options]",
  options: {},
  args: [0, 0],
  examples: [{ run: "reactor context list", what: "the current one is marked" }],
  async run({ host, out }) {
    const { current, contexts } = readContexts(host);
    const data = contexts.map(({ name, url, tunnel, admin_token, key, login }) => ({
      name,
      url,
      tunnel: tunnel ?? null,
      credential: admin_token ? "admin token" : key ? "secret key" : login ? "person" : null,
      current: name === current,
    }));
    const rows = data.map((row) => [
      `${row.current ? "*" : " "} ${row.name}`,
      row.url,
      row.credential ?? "no credential",
      row.tunnel ?? "",
    ]);
    const none = "No servers are saved; `reactor context add` saves one";
    out.result({ contexts: data }, rows.length === 0 ? none : table(rows));
    return 0;
  },
};

const use: Command = {
  name: "context use",
  summary: "Choose the server that commands talk to",
  usage: "[options] NAME",
  options: {},
  args: [1, 1],
  examples: [{ run: "reactor context use prod", what: "for commands outside a project" }],
  async run({ host, out, args }) {
    const file = readContexts(host);
    const { name } = findContext(file, args[0] ?? "");
    writeContexts(host, { ...file, current: name });
    out.result({ current: name }, `Using ${name}`);
    return 0;
  },
};

const remove: Command = {
  name: "context remove",
  summary: "Forget a saved server and its credential",
  usage: "[options] NAME",
  options: {},
  args: [1, 1],
  examples: [{ run: "reactor context remove prod", what: "the server itself is not touched" }],
  async run({ host, out, args }) {
    const file = readContexts(host);
    const { name } = findContext(file, args[0] ?? "");
    const contexts = file.contexts.filter((context) => context.name !== name);
    writeContexts(host, { current: file.current === name ? null : file.current, contexts });
    out.result({ removed: name }, `Removed ${name}`);
    return 0;
  },
};

export const command: Command = {
  name: "context",
  summary: "Manage saved servers: add, list, use, remove",
  usage: "COMMAND",
  options: {},
  args: [0, 0],
  examples: [{ run: "reactor context add prod --url https://api.example.com", what: "save one" }],
  subcommands: [add, list, use, remove],
};
