/** How a test calls a function, and the limits it has unless the test says otherwise. */
import type {
  FunctionCall,
  FunctionLimits,
  FunctionRequest,
} from "../../src/core/ports/function-runtime.ts";
import type { TenantCtx } from "../../src/core/tenant.ts";

export const DEFAULT_LIMITS: FunctionLimits = {
  deadlineMs: 50_000,
  memoryBytes: 256 * 1024 * 1024,
  bodyInBytes: 64 * 1024 * 1024,
  bodyOutBytes: null,
  concurrency: 64,
  queue: 128,
  idleMs: 600_000,
};

export interface FixtureCall {
  readonly url?: string;
  readonly init?: RequestInit;
  readonly requestId?: string;
  /** Default: the only one. */
  readonly tenant?: TenantCtx;
  readonly exportName?: string;
  readonly caller?: NonNullable<FunctionCall["caller"]>;
}

/** The error a call ended with; fails when it ended well. */
export async function failureOf(
  call: Promise<unknown>,
): Promise<{ code: string; status: number; message: string; details: string | null }> {
  return await call.then(
    () => {
      throw new Error("the call succeeded");
    },
    (error: unknown) => error as never,
  );
}

/** As the server hands it on. */
export function requestOf(url: string, init?: RequestInit): FunctionRequest {
  const request = new Request(url, init);
  const sent = { host: new URL(url).host, ...Object.fromEntries(request.headers) };
  return Object.defineProperties(request, {
    headers: { value: sent },
    contentLength: { value: request.headers.get("content-length") },
  }) as unknown as FunctionRequest;
}
