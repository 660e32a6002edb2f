/** One HTTP request as an invocation of the Runtime API, and what is posted for it as an answer. */
import { callScope } from "../../bun/runner/call-scope.ts";
import { readHead } from "../answer-head.ts";
import { hasNoBody, toHttpEvent, toResponse } from "../http-event.ts";
import { arnOf } from "./bootstrap.ts";
import type { RuntimeApi, RuntimeResponse } from "./runtime-api.ts";

/** Throws what was posted as the error. */
export async function invokeBy(
  api: RuntimeApi,
  name: string,
  deadlineMs: number,
  request: Request,
): Promise<Response> {
  const now = Date.now();
  const scope = callScope.getStore() ?? null;
  const { url, method, signal } = request;
  const body = await request.bytes();
  const id = crypto.randomUUID();
  const headers = Object.fromEntries(request.headers);
  const event = JSON.stringify(
    toHttpEvent({ request: { url, method, headers }, body, name, requestId: scope?.id ?? id, now }),
  );
  const invocation = {
    ...{ id, event, deadlineAt: now + deadlineMs, arn: arnOf(name), scope },
    traceId: traceIdOf(id, now),
    clientContext: clientContextOf(request.headers.get("x-amz-client-context")),
  };
  const response = await api.invoke(invocation, signal);
  return response.isStream ? await streamed(response) : await whole(response);
}

/** `Root=1-<seconds, 8 hex>-<24 hex>`: of nobody's tracing, and not sampled. */
function traceIdOf(id: string, now: number): string {
  const hex = id.replaceAll("-", "");
  const seconds = Math.floor(now / 1000).toString(16);
  return `Root=1-${seconds.padStart(8, "0")}-${hex.slice(0, 24)};Parent=${hex.slice(16)};Sampled=0`;
}

/** Base64 with AWS's clients, JSON in the Runtime API; what is neither is left out. */
function clientContextOf(header: string | null): string | null {
  if (header === null) return null;
  try {
    return JSON.stringify(JSON.parse(Buffer.from(header, "base64").toString()));
  } catch {
    return null;
  }
}

async function whole({ body }: RuntimeResponse): Promise<Response> {
  const text = await new Response(body).text();
  return toResponse(text === "" ? null : JSON.parse(text));
}

async function streamed({ body, type }: RuntimeResponse): Promise<Response> {
  const parts = chunksOf(body);
  const { head, rest } = await readHead(parts, type);
  if (hasNoBody(head.status)) {
    await parts.return();
    return new Response(null, head);
  }
  let first: Uint8Array | null = rest;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const held = first;
      first = null;
      if (held && held.length > 0) return controller.enqueue(held);
      const { value, done } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void (await parts.return()),
  });
  return new Response(stream, head);
}

async function* chunksOf(
  body: ReadableStream<Uint8Array> | null,
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of body ?? []) {
    const bytes = chunk as Uint8Array;
    if (bytes.length > 0) yield bytes;
  }
}
