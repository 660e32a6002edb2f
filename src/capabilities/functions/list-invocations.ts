/** The calls of a function as they were recorded, page by page. */
import type { TenantCtx } from "../../core/tenant.ts";
import { functionsErrors } from "./errors.ts";
import type { FunctionsParts } from "./parts.ts";
import { readInvocations, type StoredInvocation } from "./store-records.ts";

export interface InvocationQuery {
  /** Id of an invocation: the page begins below it. */
  readonly before?: string | undefined;
  /** 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  readonly failed?: "1" | "0" | undefined;
  readonly version?: string | undefined;
  readonly request_id?: string | undefined;
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;

/**
 * Newest first; `next` is the `before` of the page that follows, null at the end.
 *
 * @throws function_not_found
 */
export async function listInvocations(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
  query: InvocationQuery,
): Promise<{ invocations: StoredInvocation[]; next: string | null }> {
  const { registry, records } = parts.state(tenant);
  await registry.load();
  if (!registry.get(name)) throw functionsErrors.function_not_found(name.slice(0, 64));
  await records.flush();
  const limit = Math.min(Math.max(1, query.limit ?? LIMIT_DEFAULT), LIMIT_MAX);
  const rows = await readInvocations(parts.sql(tenant), name, limit + 1, {
    beforeId: query.before ?? null,
    failedOnly: query.failed === "1",
    versionStart: query.version ?? null,
    requestId: query.request_id ?? null,
  });
  const invocations = rows.slice(0, limit);
  const next = rows.length > limit ? (invocations.at(-1)?.id ?? null) : null;
  return { invocations, next };
}
