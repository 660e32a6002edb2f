/**
 * `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a POST that is sent again with its
 * key gets the first answer instead of a second effect. For small requests and answers: both are
 * held in memory. A larger answer is passed on and not kept.
 */
import type { RequestContext } from "../../core/context.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { IdempotencyStore, SavedAnswer } from "../../core/ports/idempotency.ts";
import { answerOwner } from "../../shared/idempotency/answer-owner.ts";
import { functionsErrors } from "./errors.ts";

const KEPT_BYTES_MAX = 1_048_576;
const KEPT_MS = 86_400_000;
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Answers with `run`, or with what it answered before. Without the header it is `run` alone. */
export async function answerOnce(
  store: IdempotencyStore,
  ctx: RequestContext,
  request: Request,
  principal: Principal,
  run: (request: Request) => Promise<Response>,
): Promise<Response> {
  const key = request.method === "POST" ? request.headers.get("idempotency-key") : null;
  if (key === null) return run(request);
  if (!KEY.test(key)) throw functionsErrors.idempotency_key_invalid();
  const body = await wholeBody(request);
  const scope = `${answerOwner(principal, request.headers)}:POST:${ctx.path}`;
  const print = fingerprint(request.url, body);
  const begun = await store.begin(ctx.tenant, scope, key, print, KEPT_MS);
  if (begun.state === "busy") throw functionsErrors.idempotency_busy();
  if (begun.state === "mismatch") throw functionsErrors.idempotency_mismatch();
  if (begun.state === "done") return replay(begun.answer);
  const { token } = begun;
  let saved: SavedAnswer | null = null;
  try {
    const { headers, method, signal } = request;
    const answer = await run(new Request(request.url, { headers, method, signal, body }));
    const taken = await takeSmall(answer);
    saved = taken.saved;
    return taken.response;
  } finally {
    if (saved) await store.complete(ctx.tenant, scope, key, token, saved);
    else await store.abandon(ctx.tenant, scope, key, token);
  }
}

async function wholeBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const { head, rest } = await readUpTo(request.body, KEPT_BYTES_MAX);
  if (!rest) return head;
  await rest.cancel();
  throw functionsErrors.idempotency_body_too_large(KEPT_BYTES_MAX);
}

function fingerprint(url: string, body: Uint8Array): string {
  const queryAt = url.indexOf("?");
  const hash = new Bun.CryptoHasher("sha256").update(queryAt < 0 ? "" : url.slice(queryAt));
  return hash.update("\n").update(body).digest("hex");
}

function replay(answer: SavedAnswer): Response {
  const headers = { ...answer.headers, "Idempotency-Replayed": "true" };
  const hasBody = answer.status !== 204 && answer.status !== 304;
  const body = hasBody ? new Uint8Array(answer.body) : null;
  return new Response(body, { status: answer.status, headers });
}

/** The answer again, and a copy to keep when it is small and not a failure of ours. */
async function takeSmall(
  response: Response,
): Promise<{ response: Response; saved: SavedAnswer | null }> {
  if (response.status >= 500) return { response, saved: null };
  const { head, rest } = await readUpTo(response.body, KEPT_BYTES_MAX);
  const { status, headers } = response;
  const body = rest ? joined(head, rest) : response.body && head;
  const again = new Response(body, { status, headers });
  const kept = { status, headers: Object.fromEntries(headers), body: head };
  return { response: again, saved: rest ? null : kept };
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** At least the whole stream or `max` bytes of it; `rest` reads on where more is left. */
async function readUpTo(
  stream: ReadableStream<Uint8Array> | null,
  max: number,
): Promise<{ head: Uint8Array<ArrayBuffer>; rest: Reader | null }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = stream?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
    if (length > max) return { head: new Uint8Array(Buffer.concat(chunks)), rest: reader };
  }
  return { head: new Uint8Array(Buffer.concat(chunks)), rest: null };
}

function joined(head: Uint8Array, rest: Reader): ReadableStream<Uint8Array> {
  let sentHead = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!sentHead) {
        sentHead = true;
        return controller.enqueue(head);
      }
      const { done, value } = await rest.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason: unknown) => rest.cancel(reason),
  });
}
