/**
 * `Idempotency-Key` for whoever answers a POST (draft-ietf-httpapi-idempotency-key-header): the same
 * request with the same key gets the first answer, and no second effect. One piece of code for every
 * capability, so that keys mean the same everywhere; how an answer is kept is the caller's.
 */
import { defineErrors } from "../../core/errors.ts";
import type { IdempotencyStore, SavedAnswer } from "../../core/ports/idempotency.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";

/** Answers larger than this are passed on and not kept, bytes. */
export const KEPT_BYTES_MAX = 1_048_576;
const KEPT_MS = 24 * 60 * 60 * 1000;
const KEY = /^[\x21-\x7e]{1,255}$/;

export const idempotencyErrors = defineErrors({
  idempotency_key_invalid: () => ({
    status: 400,
    message: "The Idempotency-Key is not acceptable",
    hint: "Send 1 to 255 visible ASCII characters, e.g. a UUID",
  }),
  idempotency_key_in_use: () => ({
    status: 409,
    message: "A request with this Idempotency-Key is being answered",
    hint: "Try again shortly",
    headers: { "Retry-After": "1" },
  }),
  idempotency_key_reused: () => ({
    status: 422,
    message: "This Idempotency-Key was used for another request",
    hint: "Make a new key for each request",
  }),
});

/** One request with a key. */
export interface KeyedRequest {
  readonly store: IdempotencyStore;
  readonly tenant: TenantCtx;
  readonly log: Logger;
  /** Who and what: `<owner>:POST:<path>`. Must tell callers apart (`answerOwner`). */
  readonly scope: string;
  /** The header's value. */
  readonly key: string;
  /** Hash of all that gives the request its meaning. */
  readonly fingerprint: string;
  /** The longest that it may take, milliseconds: until then a repetition is refused. Default 60 s. */
  readonly claimMs?: number;
}

/** How answers of one kind are kept and given again. */
export interface AnswerKeeper<T> {
  /** The answer to give, and what to keep of it; null = keep nothing, a repetition runs again. */
  save(answer: T): Promise<{ readonly answer: T; readonly saved: SavedAnswer | null }>;
  restore(saved: SavedAnswer): Promise<T> | T;
}

/**
 * Runs `work`, or answers what it answered before. A failure of `work` is not kept, so a corrected
 * request may use the key again.
 * @throws idempotency_key_invalid (400), idempotency_key_in_use (409), idempotency_key_reused (422)
 */
export async function runOnce<T>(
  request: KeyedRequest,
  keeper: AnswerKeeper<T>,
  work: () => Promise<T>,
): Promise<T> {
  const { store, tenant, scope, key, fingerprint, claimMs } = request;
  if (!KEY.test(key)) throw idempotencyErrors.idempotency_key_invalid();
  const begun = await store.begin(tenant, scope, key, fingerprint, KEPT_MS, claimMs);
  if (begun.state === "busy") throw idempotencyErrors.idempotency_key_in_use();
  if (begun.state === "mismatch") throw idempotencyErrors.idempotency_key_reused();
  if (begun.state === "done") return keeper.restore(begun.answer);
  try {
    return await keep(request, keeper, begun.token, await work());
  } catch (error) {
    await store.abandon(tenant, scope, key, begun.token);
    throw error;
  }
}

/**
 * It is done: an answer that could not be kept must not make it look undone. One that breaks off while
 * it is read is a failure.
 */
async function keep<T>(
  { store, tenant, scope, key, log }: KeyedRequest,
  keeper: AnswerKeeper<T>,
  token: string,
  done: T,
): Promise<T> {
  const { answer, saved } = await keeper.save(done);
  try {
    if (saved) await store.complete(tenant, scope, key, token, saved);
    else await store.abandon(tenant, scope, key, token);
  } catch (error) {
    log.error("idempotency.answer_lost", { scope, error });
  }
  return answer;
}

const COOKIE = "set-cookie";

/** As `SavedAnswer` has them. */
export function keptHeaders(headers: Headers): Record<string, string> {
  const kept = Object.fromEntries(headers);
  const cookies = headers.getSetCookie();
  return cookies.length > 1 ? { ...kept, [COOKIE]: cookies.join("\n") } : kept;
}

/** A kept HTTP answer, marked as given again. */
export function replayResponse(saved: SavedAnswer): Response {
  const { [COOKIE]: cookies, ...rest } = saved.headers;
  const headers = new Headers({ ...rest, "Idempotency-Replayed": "true" });
  for (const cookie of cookies?.split("\n") ?? []) headers.append(COOKIE, cookie);
  const body = saved.body.byteLength > 0 ? new Uint8Array(saved.body) : null;
  return new Response(body, { status: saved.status, headers });
}
