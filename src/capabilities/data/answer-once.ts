/**
 * `Idempotency-Key` on POST (draft-ietf-httpapi-idempotency-key-header): the same request with the
 * same key by the same caller gets the first answer, marked `Idempotency-Replayed`, and no second
 * effect. Refusals and answers over 1 MiB are not kept.
 */
import { answerOwner } from "../../shared/idempotency/answer-owner.ts";
import { errors } from "./errors.ts";
import type { Incoming } from "./incoming.ts";
import type { DataRoom } from "./room.ts";

const KEEP_MS = 24 * 60 * 60 * 1000;
const KEPT_BYTES_MAX = 1_048_576;
const KEY = /^[\x21-\x7e]{1,255}$/;
/** Headers that decide what the request means. */
const MEANING = ["prefer", "accept", "content-profile", "content-type"] as const;

export async function answerOnce(
  room: DataRoom,
  incoming: Incoming,
  body: Uint8Array | null,
  run: () => Promise<Response>,
): Promise<Response> {
  const key = incoming.headers.get("idempotency-key");
  if (key === null) return await run();
  if (!KEY.test(key)) throw errors.idempotency_key_invalid();
  const { context, principal } = incoming;
  const scope = `${answerOwner(principal, incoming.headers)}:POST:${context.path}`;
  const print = fingerprint(incoming, body);
  const begun = await room.idempotency.begin(context.tenant, scope, key, print, KEEP_MS);
  if (begun.state === "busy") throw errors.idempotency_key_in_use();
  if (begun.state === "mismatch") throw errors.idempotency_key_reused();
  if (begun.state === "done") return replay(begun.answer);
  const response = await run().catch(async (error: unknown) => {
    await room.idempotency.abandon(context.tenant, scope, key, begun.token);
    throw error;
  });
  return await keep(room, incoming, scope, key, begun.token, response);
}

function fingerprint(incoming: Incoming, body: Uint8Array | null): string {
  const hash = new Bun.CryptoHasher("sha256").update(`${incoming.search}\n`);
  for (const name of MEANING) hash.update(`${incoming.headers.get(name) ?? ""}\n`);
  return hash.update(body ?? "").digest("hex");
}

function replay(answer: {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}): Response {
  const headers = { ...answer.headers, "Idempotency-Replayed": "true" };
  const body = answer.body.byteLength > 0 ? new Uint8Array(answer.body) : null;
  return new Response(body, { status: answer.status, headers });
}

async function keep(
  room: DataRoom,
  incoming: Incoming,
  scope: string,
  key: string,
  token: string,
  response: Response,
): Promise<Response> {
  const { tenant, log } = incoming.context;
  const { status, headers } = response;
  const body = new Uint8Array(await response.arrayBuffer());
  const again = new Response(body.byteLength > 0 ? body : null, { status, headers });
  try {
    if (body.byteLength > KEPT_BYTES_MAX) await room.idempotency.abandon(tenant, scope, key, token);
    else {
      const answer = { status, headers: Object.fromEntries(headers), body };
      await room.idempotency.complete(tenant, scope, key, token, answer);
    }
  } catch (error) {
    // The rows are in: an answer that could not be kept must not make them look undone.
    log.error("data.idempotent_answer_lost", { error });
  }
  return again;
}
