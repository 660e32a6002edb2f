/**
 * `Idempotency-Key` on POST (draft-ietf-httpapi-idempotency-key-header): the same request with the
 * same key by the same caller gets the first answer, marked `Idempotency-Replayed`, and no second
 * effect. Refusals and answers over 1 MiB are not kept.
 */
import { answerOwner } from "../../shared/idempotency/answer-owner.ts";
import {
  type AnswerKeeper,
  KEPT_BYTES_MAX,
  keptHeaders,
  replayResponse,
  runOnce,
} from "../../shared/idempotency/run-once.ts";
import type { Incoming } from "./incoming.ts";
import type { DataRoom } from "./room.ts";

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
  const { context, principal } = incoming;
  const { tenant, log } = context;
  const scope = `${answerOwner(principal, incoming.headers)}:POST:${context.path}`;
  const fingerprint = fingerprintOf(incoming, body);
  const request = { store: room.idempotency, tenant, log, scope, key, fingerprint };
  return runOnce(request, wholeAnswers, run);
}

const wholeAnswers: AnswerKeeper<Response> = {
  restore: replayResponse,
  async save(response) {
    const { status, headers } = response;
    const body = new Uint8Array(await response.arrayBuffer());
    const answer = new Response(body.byteLength > 0 ? body : null, { status, headers });
    const kept = { status, headers: keptHeaders(headers), body };
    return { answer, saved: body.byteLength > KEPT_BYTES_MAX ? null : kept };
  },
};

function fingerprintOf(incoming: Incoming, body: Uint8Array | null): string {
  const hash = new Bun.CryptoHasher("sha256").update(`${incoming.search}\n`);
  for (const name of MEANING) hash.update(`${incoming.headers.get(name) ?? ""}\n`);
  return hash.update(body ?? "").digest("hex");
}
