/**
 * The Runtime API for programs: HTTP on the loopback of their own network. By node:http, because a
 * streamed response says in its trailers how it ended, which `Bun.serve` does not show.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { RUNTIME_PORT } from "../../jail/jail-order.ts";
import { RUNTIME_API, type RuntimeApi } from "../runner/runtime-api.ts";

/** A response that does not stream is held in memory. */
const WHOLE_BYTES_MAX = 64 * 1024 * 1024;
const ERROR_TYPE = "lambda-runtime-function-error-type";
const ERROR_BODY = "lambda-runtime-function-error-body";

export function serveApi(api: RuntimeApi): Promise<void> {
  const server = createServer((incoming, outgoing) => {
    answer(api, incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error));
  });
  // An invocation may be long in coming.
  server.timeout = 0;
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(RUNTIME_PORT, "127.0.0.1", resolve);
  return promise;
}

async function answer(
  api: RuntimeApi,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const posted = incoming.method === "POST" ? postedBody(incoming) : null;
  const request = new Request(`http://${RUNTIME_API}${incoming.url ?? "/"}`, {
    method: incoming.method ?? "GET",
    headers: Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
    body: posted?.stream ?? null,
    signal: gone.signal,
  });
  const response = await api.handle(request);
  // The program is told when all of its response has been taken, as on AWS.
  const isTooLarge = response.ok && posted ? await posted.ended : false;
  incoming.resume();
  const told = isTooLarge ? tooLarge() : response;
  const bytes = await told.bytes();
  // Small clients know no chunks.
  const headers = { ...Object.fromEntries(told.headers), "content-length": bytes.length };
  outgoing.writeHead(told.status, headers);
  outgoing.end(bytes);
}

function tooLarge(): Response {
  const errorType = "RequestEntityTooLarge";
  return Response.json({ errorMessage: errorType, errorType }, { status: 413 });
}

interface Posted {
  readonly stream: ReadableStream<Uint8Array>;
  /** Resolves when it has been taken or given up; true when it was too large. */
  readonly ended: Promise<boolean>;
}

/** As it comes, at the pace of whoever takes it. Fails as its trailers say, or when it is cut off. */
function postedBody(incoming: IncomingMessage): Posted {
  const { promise: ended, resolve: end } = Promise.withResolvers<boolean>();
  const isStream = incoming.headers["lambda-runtime-function-response-mode"] === "streaming";
  const chunks = incoming[Symbol.asyncIterator]();
  let bytes = 0;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = (await chunks.next()) as IteratorResult<Uint8Array, undefined>;
        if (done) {
          const failure = trailedError(incoming);
          if (failure) controller.error(failure);
          else controller.close();
          return end(false);
        }
        bytes += value.length;
        if (isStream || bytes <= WHOLE_BYTES_MAX) return controller.enqueue(value);
        controller.error(new Error(`The answer has more than ${WHOLE_BYTES_MAX} bytes`));
        end(true);
      } catch (error) {
        controller.error(error);
        end(false);
      }
    },
    cancel() {
      incoming.resume();
      end(false);
    },
  });
  return { stream, ended };
}

/** How a streamed response says that the function failed on the way. */
function trailedError({ trailers }: IncomingMessage): Error | null {
  const type = trailers[ERROR_TYPE];
  if (type === undefined) return null;
  const error = new Error(messageIn(trailers[ERROR_BODY]) ?? type);
  error.name = type;
  return error;
}

function messageIn(body: string | undefined): string | null {
  try {
    const { errorMessage } = JSON.parse(Buffer.from(body ?? "", "base64").toString()) as {
      errorMessage?: unknown;
    };
    return typeof errorMessage === "string" ? errorMessage : null;
  } catch {
    return null;
  }
}
