/** A function URL: HTTP as it is, the answer streaming. The request's body is known whole, because it is signed. */
import type { ActiveCall } from "../bun/active-call.ts";
import { runtimeErrors } from "../errors.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { type Signing, sendToAws } from "./aws-request.ts";
import { lambdaErrors, SYNC_BYTES, serviceError } from "./errors.ts";
import type { UrlTarget } from "./target.ts";

/** Of the connection, of the signature, or the server's own. */
const NOT_SENT =
  /^(?:host|connection|keep-alive|transfer-encoding|upgrade|te|trailer|expect|content-length|accept-encoding|x-amz.*|x-forwarded-.*)$/i;
const NOT_PASSED_ON = /^(?:connection|keep-alive|transfer-encoding|date|x-amzn?-.*)$/i;

export async function callUrl(
  active: ActiveCall,
  target: UrlTarget,
  signing: Signing | null,
  body: Uint8Array,
  options: FullRuntimeOptions,
): Promise<Response> {
  const { request, spec } = active.call;
  if (body.length > SYNC_BYTES) {
    throw lambdaErrors.lambda_payload_too_large(spec.name, SYNC_BYTES, "synchronous");
  }
  const { pathname, search } = new URL(request.url);
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(
      ([name]) => !NOT_SENT.test(name) && !(signing && name === "authorization"),
    ),
  );
  const url = new URL(target.url + pathname + search);
  const sent = { method: request.method, isApi: false, url, headers, body, signing };
  const { response, errorType } = await sendToAws(sent, active, options.lambda, options.clock);
  active.answered = true;
  if (errorType !== "") {
    await response.body?.cancel();
    throw serviceError(spec.name, response.status, errorType);
  }
  return passedOn(active, response);
}

function passedOn(active: ActiveCall, response: Response): Response {
  const headers = new Headers(response.headers);
  for (const name of [...headers.keys()]) if (NOT_PASSED_ON.test(name)) headers.delete(name);
  const init = { status: response.status, headers };
  if (!response.body || active.call.request.method === "HEAD") {
    active.finish();
    return new Response(null, init);
  }
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        active.finish();
        controller.close();
      } catch (error) {
        controller.error(active.failure ?? error);
        active.finish();
      }
    },
    async cancel() {
      active.abort(runtimeErrors.client_closed_request());
      active.finish();
      await reader.cancel();
    },
  });
  return new Response(body, init);
}
