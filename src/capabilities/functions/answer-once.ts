/**
 * `Idempotency-Key` of a function call. For small requests and answers: both are held in memory. A
 * larger answer is passed on and not kept, nor is a failure of ours.
 */
import type { RequestContext } from "../../core/context.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { runtimeErrors } from "../../runtime/errors.ts";
import { answerOwner } from "../../shared/idempotency/answer-owner.ts";
import {
  type AnswerKeeper,
  KEPT_BYTES_MAX,
  keptHeaders,
  replayResponse,
  runOnce,
} from "../../shared/idempotency/run-once.ts";
import { functionsErrors } from "./errors.ts";
import { effectiveLimits } from "./function-version.ts";
import { type Called, observeCall } from "./observe-call.ts";
import type { FunctionsParts } from "./parts.ts";

/** Whom the answer is for, and what makes it. */
export interface Keyed {
  readonly principal: Principal;
  readonly called: Called;
}

/** Beside the function's own deadline. */
const SLACK_MS = 60_000;

/**
 * Answers with `run`, or with what it answered before. Without the header it is `run` alone. What is
 * refused before `run` is counted and recorded as a refusal of the runtime is; an answer given again is
 * no call.
 */
export async function answerOnce(
  parts: FunctionsParts,
  ctx: RequestContext,
  request: Request,
  keyed: Keyed,
  run: (request: Request) => Promise<Response>,
): Promise<Response> {
  const key = request.method === "POST" ? request.headers.get("idempotency-key") : null;
  if (key === null) return run(request);
  let isReached = false;
  try {
    return await answerKeyed(parts, ctx, request, { ...keyed, key }, (once) => {
      isReached = true;
      return run(once);
    });
  } catch (error) {
    if (isReached) throw error;
    const { method, headers, url } = request;
    // Its body is read, or shall not be.
    const bare = new Request(url, { method, headers });
    return observeCall(parts, ctx, bare, keyed.called, () => Promise.reject(error));
  }
}

async function answerKeyed(
  { deps, config }: FunctionsParts,
  ctx: RequestContext,
  request: Request,
  { principal, called, key }: Keyed & { readonly key: string },
  run: (request: Request) => Promise<Response>,
): Promise<Response> {
  const { deadlineMs } = effectiveLimits(called.chosen.version, config);
  const body = await bodyInTime(deps.clock, request, called.name, deadlineMs);
  const scope = `${answerOwner(principal, request.headers)}:POST:${ctx.path}`;
  const fingerprint = fingerprintOf(request.url, body);
  const { tenant, log } = ctx;
  const { headers, method, signal, url } = request;
  const claimMs = deadlineMs + SLACK_MS;
  const keyed = { store: deps.idempotency, tenant, log, scope, key, fingerprint, claimMs };
  return runOnce(keyed, smallAnswers, () =>
    run(new Request(url, { headers, method, signal, body })),
  );
}

const smallAnswers: AnswerKeeper<Response> = {
  restore: replayResponse,
  async save(response) {
    if (response.status >= 500) return { answer: response, saved: null };
    const { head, rest } = await readUpTo(response.body?.getReader(), KEPT_BYTES_MAX);
    const { status, headers } = response;
    const body = rest ? joined(head, rest) : response.body && head;
    const kept = { status, headers: keptHeaders(headers), body: head };
    return { answer: new Response(body, { status, headers }), saved: rest ? null : kept };
  },
};

/** @throws function_upload_timeout, client_closed_request, idempotency_body_too_large */
async function bodyInTime(
  clock: Clock,
  request: Request,
  name: string,
  deadlineMs: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = request.body?.getReader();
  const late = Promise.withResolvers<never>();
  const disarm = clock.after(deadlineMs, () =>
    late.reject(runtimeErrors.function_upload_timeout(name, deadlineMs)),
  );
  try {
    return await Promise.race([wholeBody(reader), late.promise]);
  } catch (error) {
    reader?.cancel().catch(() => undefined);
    throw request.signal.aborted ? runtimeErrors.client_closed_request() : error;
  } finally {
    disarm();
  }
}

async function wholeBody(reader: Reader | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const { head, rest } = await readUpTo(reader, KEPT_BYTES_MAX);
  if (rest) throw functionsErrors.idempotency_body_too_large(KEPT_BYTES_MAX);
  return head;
}

function fingerprintOf(url: string, body: Uint8Array): string {
  const queryAt = url.indexOf("?");
  const hash = new Bun.CryptoHasher("sha256").update(queryAt < 0 ? "" : url.slice(queryAt));
  return hash.update("\n").update(body).digest("hex");
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** At least the whole stream or `max` bytes of it; `rest` reads on where more is left. */
async function readUpTo(
  reader: Reader | undefined,
  max: number,
): Promise<{ head: Uint8Array<ArrayBuffer>; rest: Reader | null }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
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
