/** `reactor fn invoke`: calls a function and prints its answer. */
import { readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { FUNCTION_NAME } from "../core/function-settings.ts";
import { CliError, EXIT } from "./cli-error.ts";
import { type Command, type CommandContext, targetOptions } from "./command.ts";
import { connect, connectWithKey, exitFor, networkFailure } from "./server-client.ts";

export const invoke: Command = {
  name: "fn invoke",
  summary: "Call a function",
  usage: "[options] NAME[/PATH][?QUERY]",
  details:
    "Prints the body as it comes; with --output json an object with status, headers and body.\nA status of 400 and above is an exit code other than 0: 1 for 404, 3 for 401 and 403, 5 for 429 and\n500 and above, 4 for all others.",
  options: {
    data: {
      value: "JSON|@FILE|-",
      short: "d",
      description: "Body: text, a file, or standard input",
    },
    method: { value: "METHOD", short: "X", description: "HTTP method (default: POST)" },
    anon: { description: "Call without a credential (default: the secret key)" },
    ...targetOptions,
  },
  args: [1, 1],
  examples: [
    { run: 'reactor fn invoke hello --data \'{"name":"Ada"}\'', what: "JSON" },
    { run: "reactor fn invoke resize --data @photo.jpg > small.jpg", what: "a file" },
  ],
  async run(context) {
    const path = pathOf(context.args[0] ?? "");
    const body = await readBody(context);
    const isAnon = context.has("anon");
    const client = isAnon ? await connect(context) : await connectWithKey(context);
    const method = (context.option("method") ?? "POST").toUpperCase();
    const hasBody = method !== "GET" && method !== "HEAD" && body !== null;
    const response = await client.send(`/fn/v1/${path}`, {
      method,
      as: isAnon ? "nobody" : "key",
      isLong: true,
      ...(hasBody ? { body: body.bytes, headers: { "content-type": body.type } } : {}),
    });
    await print(context, response).catch((error: unknown) => {
      throw networkFailure(client.target, error);
    });
    return response.status >= 400 ? EXIT[exitFor(response.status)] : EXIT.ok;
  },
};

/**
 * Below `/fn/v1/`, and of a function: the call carries the secret key, which opens other routes as well.
 * @throws CliError
 */
function pathOf(argument: string): string {
  const [place = "", query] = splitAt(argument, "?");
  const segments = place.split("/");
  const isFunction = FUNCTION_NAME.test(segments[0] ?? "");
  if (!isFunction || segments.some((segment) => segment === "." || segment === "..")) {
    const hint = "Write NAME or NAME/PATH; `reactor fn list` shows the names";
    throw new CliError("user", "invalid_argument", `'${place}' is no path of a function`, hint);
  }
  return segments.map(encodeURIComponent).join("/") + query.replaceAll("#", "%23");
}

/** What stands before it, and the rest from it on. */
function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
}

const NEWLINE = 10;

/** As it comes: an answer may go on for long. */
async function printText({ out }: CommandContext, response: Response): Promise<void> {
  let last: number | undefined;
  for await (const chunk of response.body ?? []) {
    out.raw(chunk as Uint8Array);
    last = (chunk as Uint8Array).at(-1) ?? last;
  }
  const isText = /^(?:text\/|application\/json)/.test(response.headers.get("content-type") ?? "");
  if (isText && last !== undefined && last !== NEWLINE) out.note("");
  if (response.status >= 400) out.note(`HTTP ${response.status}`);
}

async function print(context: CommandContext, response: Response): Promise<void> {
  const { out } = context;
  if (out.mode === "text") return await printText(context, response);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { status } = response;
  const headers = Object.fromEntries(response.headers);
  const result = { status, headers, ...bodyFields(bytes) };
  const { code, message, hint } = (result.body ?? {}) as Record<string, unknown>;
  if (status < 400) return out.result(result, "");
  out.failure({
    code: typeof code === "string" ? code : `http_${status}`,
    message: typeof message === "string" ? message : `The function answered ${status}`,
    hint: typeof hint === "string" ? hint : null,
    data: result,
  });
}

/** JSON as a value, text as a string, anything else in base64. */
function bodyFields(bytes: Uint8Array): { body: unknown; encoding?: "base64" } {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { body: Buffer.from(bytes).toString("base64"), encoding: "base64" };
  }
  try {
    return { body: JSON.parse(text) };
  } catch {
    return { body: text };
  }
}

async function readBody(
  context: CommandContext,
): Promise<{ bytes: Uint8Array; type: string } | null> {
  const data = context.option("data");
  const binary = "application/octet-stream";
  if (data === undefined) return null;
  if (data === "-") return { bytes: await context.host.terminal.stdin.readAll(), type: binary };
  if (!data.startsWith("@")) {
    const type = isJson(data) ? "application/json" : "text/plain;charset=utf-8";
    return { bytes: new TextEncoder().encode(data), type };
  }
  const path = resolve(context.host.cwd, data.slice(1));
  try {
    const type = extname(path) === ".json" ? "application/json" : binary;
    return { bytes: readFileSync(path), type };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
    throw new CliError("user", "file_unreadable", `${path} cannot be read (${reason})`);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
