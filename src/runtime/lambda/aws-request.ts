/** Sends one request to AWS: signed, throttles tried again with growing pauses, all within the call's signal. */
import type { Clock } from "../../core/ports/clock.ts";
import type { ActiveCall } from "../bun/active-call.ts";
import type { LambdaSettings } from "../options.ts";
import { lambdaErrors } from "./errors.ts";
import { type AwsCredentials, signRequest } from "./sigv4.ts";
import { isRegion } from "./target.ts";

export interface AwsRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** The Invoke API is asked, no function by its URL: every 429 is AWS's. */
  readonly isApi: boolean;
  /** Null: not signed. */
  readonly signing: Signing | null;
}

export interface Signing {
  readonly region: string;
  readonly credentials: AwsCredentials;
}

export interface AwsAnswer {
  readonly response: Response;
  /** `TooManyRequestsException`; empty when AWS itself reports no error. */
  readonly errorType: string;
}

/** Tries in all. Pauses before the next: 100, 200, 400 ms, each up to half as long again. */
const TRIES_MAX = 4;
const FIRST_PAUSE_MS = 100;
/** A longer wait than this, when AWS asks for it, is the caller's. */
const PAUSE_MAX_MS = 2_000;
const THROTTLES = /^(?:TooManyRequests|EC2Throttled|Throttling)/;

/** @throws lambda_throttled, lambda_unavailable, or why the call was ended */
export async function sendToAws(
  request: AwsRequest,
  active: ActiveCall,
  settings: LambdaSettings,
  clock: Clock,
): Promise<AwsAnswer> {
  const { name } = active.call.spec;
  for (let tries = 1; ; tries += 1) {
    const response = await sendOnce(request, active, settings, clock);
    const errorType = (response.headers.get("x-amzn-errortype") ?? "").split(":")[0] ?? "";
    if (!isThrottle(response.status, errorType, request.isApi)) {
      return { response, errorType };
    }
    await response.body?.cancel();
    const wantedS = Number(response.headers.get("retry-after") ?? 0) || 0;
    if (tries === TRIES_MAX || wantedS * 1000 > PAUSE_MAX_MS) {
      throw lambdaErrors.lambda_throttled(
        name,
        Math.min(900, Math.max(1, Math.ceil(wantedS))),
        tries,
      );
    }
    const pause = Math.max(wantedS * 1000, pauseMs(active.call.requestId, tries));
    await clock.sleep(pause, active.controller.signal).catch((error: unknown) => {
      throw active.failure ?? error;
    });
  }
}

/** A function may answer 429 by itself: then AWS names no error. */
function isThrottle(status: number, errorType: string, isApi: boolean): boolean {
  if (status !== 429 && status !== 502) return false;
  return THROTTLES.test(errorType) || (status === 429 && errorType === "" && isApi);
}

/** Spread by the request's id, so that calls throttled together do not return together. */
function pauseMs(requestId: string, tries: number): number {
  const base = FIRST_PAUSE_MS * 2 ** (tries - 1);
  return base + (Bun.hash.crc32(`${requestId}${tries}`) % (base / 2));
}

async function sendOnce(
  request: AwsRequest,
  active: ActiveCall,
  { endpoint }: LambdaSettings,
  clock: Clock,
): Promise<Response> {
  const { url, method, body, signing } = request;
  const plain = { ...request.headers, "accept-encoding": "identity" };
  const headers = signing
    ? signRequest({ ...request, ...signing, headers: plain, service: "lambda", now: clock.now() })
    : plain;
  const to = endpoint === null ? url : new URL(url.pathname + url.search, endpoint);
  const hasBody = method !== "GET" && method !== "HEAD";
  try {
    return await fetch(to, {
      method,
      headers: { ...headers, host: url.host },
      ...(hasBody ? { body: body as string | Uint8Array<ArrayBuffer> } : {}),
      redirect: "manual",
      decompress: false,
      signal: active.controller.signal,
    });
  } catch (error) {
    const { name } = active.call.spec;
    throw active.failure ?? lambdaErrors.lambda_unavailable(name, "AWS was not reached", error);
  }
}

/**
 * Credentials of the function's environment, else those of the server's configuration.
 * @param region as the target says it, or null
 * @throws lambda_not_configured
 */
export function signingFor(
  name: string,
  env: Readonly<Record<string, string>>,
  region: string | null,
  settings: LambdaSettings,
): Signing {
  const chosen = region ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? settings.region;
  if (!chosen || !isRegion(chosen)) {
    throw lambdaErrors.lambda_not_configured(name, "no region is known");
  }
  const credentials = credentialsOf(env) ?? settings.credentials;
  if (!credentials) throw lambdaErrors.lambda_not_configured(name, "no credentials are known");
  return { region: chosen, credentials };
}

function credentialsOf(env: Readonly<Record<string, string>>): AwsCredentials | null {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"];
  if (!accessKeyId || !secretAccessKey) return null;
  return { accessKeyId, secretAccessKey, sessionToken: env["AWS_SESSION_TOKEN"] || null };
}
