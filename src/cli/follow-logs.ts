/** A log as it is written: one stream, or, where the server can take up a stream, one after the other. */
import { CliError, EXIT } from "./cli-error.ts";
import type { CliHost } from "./host.ts";
import { readEvents } from "./read-events.ts";
import { networkFailure, refusal, type ServerClient } from "./server-client.ts";

interface Followed {
  readonly path: string;
  readonly as: "admin" | "key";
  readonly query: Readonly<Record<string, string | undefined>>;
  /** The server takes up after `Last-Event-ID`: the stream is asked for again when it ends. */
  readonly resumes: boolean;
}

const PAUSE_MS = 500;
const PAUSE_MAX_MS = 30_000;

/** @param show told of each line, JSON */
export async function followLogs(
  host: CliHost,
  client: ServerClient,
  followed: Followed,
  show: (data: string) => void,
): Promise<void> {
  const { interrupted } = host.terminal;
  let lastId = "";
  let pauseMs = PAUSE_MS;
  let hasBegun = false;
  for (;;) {
    try {
      const stream = await open(client, followed, lastId);
      hasBegun = true;
      for await (const { event, data, id } of readEvents(stream)) {
        if (event !== "log") continue;
        show(data);
        lastId = id;
        pauseMs = PAUSE_MS;
      }
      if (!followed.resumes) return;
    } catch (error) {
      if (interrupted.aborted) return;
      const failure = error instanceof CliError ? error : networkFailure(client.target, error);
      if (!followed.resumes || !hasBegun || !mayPass(failure)) throw failure;
    }
    if (interrupted.aborted) return;
    host.terminal.stderr.write(
      `The server has ended the stream; asking again in ${pauseMs / 1000} s\n`,
    );
    await pause(host, pauseMs);
    pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS);
  }
}

async function open(
  client: ServerClient,
  { path, as, query }: Followed,
  lastId: string,
): Promise<ReadableStream<Uint8Array>> {
  const headers = lastId === "" ? {} : { "last-event-id": lastId };
  const asked = { ...query, follow: "1" };
  const response = await client.send(path, { as, query: asked, headers, isLong: true });
  if (!response.ok || !response.body) throw await refusal(response);
  return response.body;
}

/** A server that starts again, or is busy. */
const mayPass = ({ exitCode }: CliError) => exitCode === EXIT.network || exitCode === EXIT.server;

/** Ends early with Ctrl-C. */
function pause({ clock, terminal }: CliHost, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    const stop = () => {
      cancel();
      resolve();
    };
    terminal.interrupted.addEventListener("abort", stop, { once: true });
  });
}
