/** `reactor login`: verifies a token against the server and saves it in a context. */
import { escapeControls } from "../core/pretty-log.ts";
import { CliError } from "./cli-error.ts";
import { type Command, type CommandContext, targetOptions } from "./command.ts";
import { CONTEXT_NAME, readContexts, withContext, writeContexts } from "./contexts.ts";
import { signInByDevice } from "./person.ts";
import { clientFor, connect, formSender, refusal, type ServerClient } from "./server-client.ts";
import { checkUrl, credentialsOf, isLoopback } from "./target.ts";

export const command: Command = {
  name: "login",
  summary: "Verify a token and save it, or sign in as a person",
  usage: "[options]",
  details:
    "The token is the admin token (admin.token in the server's data folder) or the project's\nsecret key. Without --token it is read from standard input; on a terminal it is asked for.\nWith --device a person signs in: it shows a code to type in a browser on any machine, which\nis how a machine without one logs in. What the person may do, the commands may.",
  options: {
    device: { description: "Sign in as a person, by a code typed in a browser" },
    ...targetOptions,
  },
  args: [0, 0],
  examples: [
    { run: "reactor login --url https://api.example.com", what: "asks for the token" },
    { run: "reactor login --context prod < token.txt", what: "from a file, without a terminal" },
    { run: "reactor login --device --url https://api.example.com", what: "as a person" },
  ],
  async run(context) {
    if (context.has("device")) return logInByDevice(context);
    const token = await readToken(context);
    const saved = savedTarget(context);
    const { target } = await connect({ ...context, option: withOption(context, "url", saved.url) });
    const credentials = credentialsOf(token);
    const client = clientFor(context.host, { ...target, ...credentials });
    const version = await verify(client);
    const file = readContexts(context.host);
    const { adminToken, key } = credentials;
    const tunnel = context.option("tunnel") ?? saved.tunnel;
    const entry = {
      name: saved.name,
      url: saved.url,
      ...(adminToken === null ? {} : { admin_token: adminToken }),
      ...(key === null ? {} : { key }),
      ...(tunnel === undefined ? {} : { tunnel }),
    };
    writeContexts(context.host, { ...withContext(file, entry), current: saved.name });
    const kind = key === null ? "admin token" : "secret key";
    const data = { context: saved.name, url: saved.url, credential: kind, version };
    context.out.result(data, `Logged in to ${saved.url} with its ${kind} (context ${saved.name})`);
    return 0;
  },
};

/** Saved in place of what the context held before. */
async function logInByDevice(context: CommandContext): Promise<number> {
  const { host } = context;
  const { name, url, tunnel } = savedTarget(context);
  const { target } = await connect({ ...context, option: withOption(context, "url", url) });
  const client = clientFor(host, { ...target, adminToken: null, key: null });
  const login = await signInByDevice(host, formSender(client));
  const file = withContext(readContexts(host), {
    name,
    url,
    login,
    ...(tunnel === undefined ? {} : { tunnel }),
  });
  writeContexts(host, { ...file, current: name });
  const email = await emailOf(clientFor(host, { ...client.target, loginOf: name }));
  const data = { context: name, url, credential: "person", email };
  context.out.result(data, `Logged in to ${url} as ${email} (context ${name})`);
  return 0;
}

/** Who the saved login is of; null when they have no address. @throws CliError */
export async function emailOf(client: ServerClient): Promise<string | null> {
  const person = await client.json<{ email?: string }>("/auth/v1/oauth/userinfo", { as: "key" });
  return person.email === undefined ? null : escapeControls(person.email);
}

async function readToken(context: CommandContext): Promise<string> {
  const { stdin } = context.host.terminal;
  const given = context.option("token") ?? context.host.env["REACTOR_TOKEN"];
  const read = async () =>
    stdin.isTerminal
      ? stdin.readSecret("Token: ")
      : new TextDecoder().decode(await stdin.readAll());
  const token = (given ?? (await read())).trim();
  if (/^[\x21-\x7e]{8,4096}$/.test(token)) return token;
  throw new CliError(
    "auth",
    "token_missing",
    token === "" ? "No token was given" : "That is not a token",
    "Give it with --token or on standard input",
  );
}

/** Name, URL and tunnel to log in to: `--url`, else `--context`, else the current context. */
function savedTarget(context: CommandContext): { name: string; url: string; tunnel?: string } {
  const file = readContexts(context.host);
  const given = context.option("url");
  const wanted = context.option("context") ?? (given === undefined ? file.current : null);
  const known = file.contexts.find(({ name }) => name === wanted);
  const url = given ?? known?.url;
  if (url === undefined) {
    throw new CliError("user", "missing_value", "--url URL is needed", "Or --context NAME");
  }
  const checked = checkUrl(url);
  const name = wanted ?? (isLoopback(checked) ? "local" : new URL(checked).hostname);
  if (!CONTEXT_NAME.test(name)) {
    throw new CliError(
      "user",
      "invalid_argument",
      `'${name}' is not a context's name`,
      "Give --context NAME",
    );
  }
  return { name, url: checked, ...(known?.tunnel ? { tunnel: known.tunnel } : {}) };
}

function withOption(context: CommandContext, name: string, value: string) {
  return (wanted: string) => (wanted === name ? value : context.option(wanted));
}

/** The server's version; null for a secret key, which may not ask. @throws CliError */
async function verify(client: ServerClient): Promise<string | null> {
  if (client.target.key === null) {
    return (await client.json<{ version: string }>("/_admin/version")).version;
  }
  const response = await client.send("/fn/v1/_admin", { as: "key" });
  if (!response.ok) throw await refusal(response);
  await response.body?.cancel();
  return null;
}
