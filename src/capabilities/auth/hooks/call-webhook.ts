/**
 * One signed POST of JSON, tried again while there is time: for hooks by address or by function and
 * for the SMS webhook. The receiver sees the same id at each try.
 */
import type { Deps } from "../../../core/capability.ts";
import { authErrors } from "../errors.ts";
import { signatureHeaders } from "./sign-webhook.ts";

type WebhookDeps = Pick<Deps, "clock" | "ids">;

export interface WebhookRequest {
  readonly url: string;
  /** Path of a Unix socket to call through. */
  readonly socket?: string;
  readonly secrets: readonly Uint8Array[];
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
  /** Of all tries together. */
  readonly timeoutMs: number;
}

const TRIES = 3;
const BACKOFF_MS = 200;
const ANSWER_BYTES_MAX = 200 * 1024;
/** What says that it went well; a 204 has no body. */
const WELCOME = [200, 202, 204];
/** Not now: worth another try when the answer says so by `Retry-After`. */
const LATER = [429, 503];

/**
 * The answer's JSON text, null for none.
 * @throws hook_timeout, hook_timeout_after_retry, hook_payload_over_size_limit,
 *   hook_payload_invalid_content_type, unexpected_failure
 */
export async function callWebhook(
  deps: WebhookDeps,
  request: WebhookRequest,
): Promise<string | null> {
  const controller = new AbortController();
  const cancel = deps.clock.after(request.timeoutMs, () => controller.abort());
  const id = deps.ids.uuid();
  try {
    return await tryInTurn(deps, request, id, controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw authErrors.hook_timeout(request.timeoutMs / 1000);
    throw error;
  } finally {
    cancel();
  }
}

async function tryInTurn(
  deps: WebhookDeps,
  request: WebhookRequest,
  id: string,
  signal: AbortSignal,
): Promise<string | null> {
  let last: unknown = null;
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    if (attempt > 1) await deps.clock.sleep(BACKOFF_MS * 2 ** (attempt - 2), signal);
    const answer = await post(deps, request, id, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      last = error;
      return null;
    });
    if (answer === null) continue;
    if (WELCOME.includes(answer.status)) return readAnswer(answer);
    await answer.body?.cancel();
    if (!LATER.includes(answer.status)) throw authErrors.hook_failed(sentenceOf(answer.status));
    if (!answer.headers.has("retry-after")) break;
  }
  if (last !== null) throw authErrors.hook_timeout_after_retry(last);
  throw authErrors.hook_failed("Service currently unavailable due to hook");
}

function post(
  deps: WebhookDeps,
  { url, socket, secrets, headers, body }: WebhookRequest,
  id: string,
  signal: AbortSignal,
): Promise<Response> {
  const timestampS = Math.floor(deps.clock.now() / 1000);
  return fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...headers,
      ...signatureHeaders(secrets, id, timestampS, body),
    },
    body,
    signal,
    redirect: "manual",
    ...(socket === undefined ? {} : { unix: socket }),
  });
}

function sentenceOf(status: number): string {
  if (status === 400) return "Invalid payload sent to hook";
  if (status === 401) return "Hook requires authorization token";
  return `Unexpected status code returned from hook: ${status}`;
}

async function readAnswer(answer: Response): Promise<string | null> {
  const type = answer.headers.get("content-type") ?? "";
  if (type === "" && answer.status === 204) return null;
  if (!/^application\/json\s*(?:;|$)/i.test(type)) {
    await answer.body?.cancel();
    throw authErrors.hook_payload_invalid_content_type(type);
  }
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > ANSWER_BYTES_MAX) {
      throw authErrors.hook_payload_over_size_limit(ANSWER_BYTES_MAX);
    }
    chunks.push(chunk);
  }
  return sizeBytes === 0 ? null : Buffer.concat(chunks).toString();
}
