/**
 * Whose answers are kept under an Idempotency-Key: part of the scope that capabilities give the
 * store, so that no caller is ever shown what another was answered.
 */
import type { Principal } from "../../core/ports/auth.ts";

/** Headers that say how a request came, and may differ when it is sent again. */
const OF_THE_WAY =
  /^(?:accept|accept-.*|baggage|cache-control|connection|content-length|date|forwarded|host|idempotency-key|keep-alive|pragma|priority|sec-.*|te|traceparent|tracestate|transfer-encoding|user-agent|via|x-forwarded-.*|x-real-ip|x-request-id)$/;

/**
 * The person or the project where a credential proved them. Functions and row policies may know
 * callers by what we do not (a webhook's secret, a cookie, a signature), so those nobody proved
 * share an answer only when all they sent is the same, but for how it came.
 */
export function answerOwner(principal: Principal, headers: Headers): string {
  const { userId, role, keyId } = principal;
  if (userId !== null || keyId !== undefined || role === "service_role") {
    // One person's keys have scopes of their own, and each organisation rows of its own.
    const org = headers.get("x-reactor-org");
    const more = [...(keyId ? [keyId] : []), ...(org ? [org] : [])];
    return [role, userId ?? "", ...more].join(":");
  }
  const hash = new Bun.CryptoHasher("sha256");
  for (const [name, value] of headers) {
    if (!OF_THE_WAY.test(name)) hash.update(JSON.stringify([name, value]));
  }
  return `${role}:${hash.digest("hex")}`;
}
