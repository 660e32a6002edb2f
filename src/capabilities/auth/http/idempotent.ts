/**
 * `Idempotency-Key` for requests whose answers hold tokens. The store keeps answers for a day, so
 * they are sealed with a key derived from the project's secret key, and so is the fingerprint of the
 * request, which would otherwise be a fast hash of somebody's password.
 */
import { ReactorError } from "../../../core/errors.ts";
import type { SavedAnswer } from "../../../core/ports/idempotency.ts";
import { type AnswerKeeper, runOnce } from "../../../shared/idempotency/run-once.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import type { JsonObject } from "../schema.ts";
import type { Reply } from "./respond.ts";

const IV_BYTES = 12;

/**
 * Runs `work` once for a key: a repetition answers what the first answered, marked by
 * `Idempotency-Replayed`. Refusals are not kept, so a corrected request may use the key again.
 * @param scope method and path.
 * @throws idempotency_key_in_use (409), idempotency_key_reused (422)
 */
export async function idempotent(
  state: AuthState,
  caller: Caller,
  request: { readonly key: string | null; readonly scope: string; readonly body: JsonObject },
  work: () => Promise<Reply>,
): Promise<Reply> {
  const { key } = request;
  if (key === null) return work();
  const { idempotency: store, project } = state.deps;
  const { tenant, log } = caller;
  const { secretKey } = await project(tenant);
  const scope = `${caller.isService ? "service_role" : "anon"}:${request.scope}`;
  const fingerprint = hmac(secretKey, "fingerprint", JSON.stringify(request.body)).toString("hex");
  const keeper: AnswerKeeper<Reply> = {
    save: async (reply) => ({ answer: reply, saved: await seal(state, secretKey, reply) }),
    restore: (saved) => open(secretKey, saved),
  };
  return runOnce({ store, tenant, log, scope, key, fingerprint }, keeper, work);
}

function hmac(secretKey: string, purpose: string, text: string): Buffer {
  const hasher = new Bun.CryptoHasher("sha256", secretKey);
  return Buffer.from(hasher.update(`reactor.auth.idempotency.${purpose}:${text}`).digest());
}

function sealingKey(secretKey: string): Promise<CryptoKey> {
  const bytes = new Uint8Array(hmac(secretKey, "seal", ""));
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

async function seal(state: AuthState, secretKey: string, reply: Reply): Promise<SavedAnswer> {
  const iv = Buffer.from(state.deps.rng.bytes(IV_BYTES));
  const text = Buffer.from(JSON.stringify(reply));
  const box = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv },
    await sealingKey(secretKey),
    text,
  );
  const body = Buffer.concat([iv, Buffer.from(box)]);
  return { status: reply.status ?? 200, headers: {}, body };
}

async function open(secretKey: string, answer: SavedAnswer): Promise<Reply> {
  const box = Buffer.from(answer.body);
  const iv = box.subarray(0, IV_BYTES);
  const key = await sealingKey(secretKey);
  try {
    const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, box.subarray(IV_BYTES));
    const reply = JSON.parse(Buffer.from(text).toString()) as Reply;
    return { ...reply, headers: { ...reply.headers, "Idempotency-Replayed": "true" } };
  } catch (cause) {
    // The secret key was changed since: the work was done, but its answer cannot be read again.
    throw new ReactorError({ ...UNREADABLE, cause });
  }
}

const UNREADABLE = {
  status: 409,
  code: "conflict",
  message: "The answer to this Idempotency-Key can no longer be read",
  hint: "The request took effect; do not repeat it",
};
