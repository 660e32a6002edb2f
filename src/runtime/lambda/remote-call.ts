/** One call of a function on AWS: the request as an event to the Invoke API, or as it is to its URL. */
import { ReactorError } from "../../core/errors.ts";
import type { ActiveCall } from "../bun/active-call.ts";
import type { LogLevelName } from "../messages.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { readInput } from "../read-input.ts";
import { type AwsAnswer, type Signing, sendToAws, signingFor } from "./aws-request.ts";
import { ASYNC_BYTES, functionError, lambdaErrors, SYNC_BYTES, serviceError } from "./errors.ts";
import { BadLambdaAnswer, toHttpEvent, toResponse } from "./http-event.ts";
import { streamAnswer } from "./stream-answer.ts";
import type { FunctionTarget, LambdaTarget } from "./target.ts";
import { callUrl } from "./url-call.ts";

/** Of an answer, with room for the escapes and base64 that AWS's bound does not count. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** `active.finish()` is called when the last byte of the answer is out. Throws ReactorErrors. */
export async function callRemote(
  active: ActiveCall,
  target: LambdaTarget,
  options: FullRuntimeOptions,
): Promise<Response> {
  const { name, env } = active.call.spec;
  const isSigned = target.kind === "function" || target.auth === "iam";
  const signing = isSigned ? signingFor(name, env, target.region, options.lambda) : null;
  const body = await requestBody(active);
  if (target.kind === "url") return await callUrl(active, target, signing, body, options);
  const payload = eventPayload(active, target, body, options.clock.now());
  const { url, type } = invocationOf(target, signing as Signing, options.lambda.endpoint);
  const headers = {
    "content-type": "application/json",
    "x-amz-invocation-type": type,
    ...(target.invoke === "async" ? {} : { "x-amz-log-type": "Tail" }),
  };
  const request = { method: "POST", isApi: true, url, headers, body: payload, signing };
  const answer = await sendToAws(request, active, options.lambda, options.clock);
  active.answered = true;
  return await answerOf(active, target, answer, options);
}

async function requestBody(active: ActiveCall): Promise<Uint8Array> {
  const { request, spec } = active.call;
  active.uploading = true;
  const body = await readInput(request, spec.limits.bodyInBytes, active.controller);
  active.uploading = false;
  return body;
}

function eventPayload(
  active: ActiveCall,
  { invoke }: FunctionTarget,
  body: Uint8Array,
  now: number,
): string {
  const { request, requestId, spec } = active.call;
  const limit = invoke === "async" ? ASYNC_BYTES : SYNC_BYTES;
  const how = invoke === "async" ? "asynchronous" : "synchronous";
  const tooLarge = () => lambdaErrors.lambda_payload_too_large(spec.name, limit, how);
  if (body.length > limit) throw tooLarge();
  const event = toHttpEvent({ request, body, name: spec.name, requestId, now });
  const payload = JSON.stringify(event);
  if (Buffer.byteLength(payload) > limit) throw tooLarge();
  return payload;
}

function invocationOf(target: FunctionTarget, { region }: Signing, endpoint: string | null) {
  const suffix = region.startsWith("cn-") ? ".cn" : "";
  const origin = endpoint ?? `https://lambda.${region}.amazonaws.com${suffix}`;
  const name = encodeURIComponent(target.function);
  const path =
    target.invoke === "stream"
      ? `/2021-11-15/functions/${name}/response-streaming-invocations`
      : `/2015-03-31/functions/${name}/invocations`;
  const url = new URL(path, origin);
  if (target.qualifier !== null) url.searchParams.set("Qualifier", target.qualifier);
  return { url, type: target.invoke === "async" ? "Event" : "RequestResponse" };
}

async function answerOf(
  active: ActiveCall,
  target: FunctionTarget,
  answer: AwsAnswer,
  options: FullRuntimeOptions,
): Promise<Response> {
  const { response } = answer;
  const isAsync = target.invoke === "async";
  if (response.status !== (isAsync ? 202 : 200)) throw await refused(active, answer, options);
  if (isAsync) {
    await response.body?.cancel();
    active.finish();
    const id = response.headers.get("x-amzn-requestid");
    return Response.json({ request_id: id }, { status: 202 });
  }
  const onTail = (tail: string) => logTail(active, tail, options);
  if (target.invoke === "stream") return await streamAnswer(active, response, onTail);
  onTail(response.headers.get("x-amz-log-result") ?? "");
  const payload = await readJson(active, response);
  if (response.headers.has("x-amz-function-error")) {
    throw functionError(active.call.spec.name, payload);
  }
  return finished(active, payload);
}

function finished(active: ActiveCall, payload: unknown): Response {
  try {
    const answer = toResponse(payload);
    active.finish();
    if (active.call.request.method !== "HEAD") return answer;
    return new Response(null, answer);
  } catch (error) {
    if (!(error instanceof BadLambdaAnswer)) throw error;
    throw lambdaErrors.lambda_bad_answer(active.call.spec.name, error.message);
  }
}

async function readJson(active: ActiveCall, response: Response): Promise<unknown> {
  const { name } = active.call.spec;
  const text = new TextDecoder().decode(await boundedBody(active, response, ANSWER_BYTES_MAX));
  // An empty answer is what a runtime without a result gives.
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    throw lambdaErrors.lambda_bad_answer(name, "It is not JSON");
  }
}

async function boundedBody(
  active: ActiveCall,
  response: Response,
  limit: number,
): Promise<Uint8Array> {
  const { name } = active.call.spec;
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += (chunk as Uint8Array).length;
      if (size > limit) throw lambdaErrors.lambda_bad_answer(name, `It is over ${limit} bytes`);
      chunks.push(chunk as Uint8Array);
    }
  } catch (error) {
    if (active.failure || error instanceof ReactorError) throw active.failure ?? error;
    throw lambdaErrors.lambda_unavailable(name, "The answer of AWS was cut", error);
  }
  return Buffer.concat(chunks);
}

const REFUSAL_BYTES_MAX = 64 * 1024;

async function refused(active: ActiveCall, answer: AwsAnswer, options: FullRuntimeOptions) {
  const { response, errorType } = answer;
  const said = await boundedBody(active, response, REFUSAL_BYTES_MAX);
  const text = new TextDecoder().decode(said);
  writeLog(active, "error", `AWS Lambda: ${response.status} ${errorType} ${text}`, options);
  return serviceError(active.call.spec.name, response.status, errorType);
}

const TAIL_MAX = 16 * 1024;

/** The last lines of the function's own log, which AWS sends along. */
function logTail(active: ActiveCall, base64: string, options: FullRuntimeOptions): void {
  const text = Buffer.from(base64.slice(0, TAIL_MAX), "base64").toString("utf8");
  for (const line of text.split("\n")) {
    if (line.trim() !== "") writeLog(active, "info", line, options);
  }
}

const LINE_MAX = 4096;

function writeLog(
  { call }: ActiveCall,
  level: LogLevelName,
  message: string,
  { onLog }: FullRuntimeOptions,
): void {
  const { name, version } = call.spec;
  const line = message.slice(0, LINE_MAX).trimEnd();
  onLog({ function: name, version, requestId: call.requestId, level, message: line });
}
