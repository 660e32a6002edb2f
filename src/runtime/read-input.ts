/** A call's whole request body, bounded while it arrives. */
import { peek } from "bun";
import { coreErrors } from "../core/errors.ts";
import type { FunctionRequest } from "../core/ports/function-runtime.ts";
import type { LazyAbort } from "./lazy-abort.ts";

/**
 * At once where it is there.
 *
 * @throws payload_too_large (413), or the reason of the abort when that comes first
 */
export function readInput(
  request: FunctionRequest,
  limitBytes: number,
  abort: LazyAbort,
): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  const { contentLength } = request;
  if (contentLength === null) {
    const { body } = request;
    return body ? readCounted(body, limitBytes, abort) : new Uint8Array();
  }
  if (Number(contentLength) > limitBytes) throw coreErrors.payload_too_large(limitBytes);
  const reading = request.bytes();
  return isThere(reading, abort) ? peek(reading) : orAborted(reading, abort);
}

/** A small body has come with its head, mostly. */
const isThere = (work: Promise<unknown>, abort: LazyAbort) =>
  peek.status(work) === "fulfilled" && !abort.aborted;

async function readCounted(
  body: ReadableStream<Uint8Array>,
  limitBytes: number,
  abort: LazyAbort,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for (;;) {
    const { done, value } = await orAborted(reader.read(), abort);
    if (done) return new Uint8Array(Buffer.concat(chunks));
    sizeBytes += value.length;
    if (sizeBytes > limitBytes) {
      void reader.cancel().catch(() => {});
      throw coreErrors.payload_too_large(limitBytes);
    }
    chunks.push(value);
  }
}

/** The work, unless the abort comes first: a client that never sends its body must not hold a call. */
export function orAborted<T>(work: Promise<T>, abort: LazyAbort): Promise<T> {
  if (isThere(work, abort)) return work;
  return new Promise<T>((resolve, reject) => {
    abort.onAbort(() => reject(abort.reason));
    work.then(resolve, reject);
  });
}
