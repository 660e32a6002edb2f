import type { TenantCtx } from "../tenant.ts";

/** An answer as kept for replay. Body <= 1 MiB. */
export interface SavedAnswer {
  readonly status: number;
  /** Values of a name that stands there more than once (`set-cookie`) have line ends between them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type IdempotencyBegin =
  /** First time: do the work, then `complete` or `abandon`. */
  | { readonly state: "new"; readonly token: string }
  /** Done before: answer this. */
  | { readonly state: "done"; readonly answer: SavedAnswer }
  /** Another request with this key is at work (409, Retry-After: 1). */
  | { readonly state: "busy" }
  /** Same key, other request (422). */
  | { readonly state: "mismatch" };

/** `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeated POST takes effect once. */
export interface IdempotencyStore {
  /**
   * @param scope who and what: `<principal>:<method>:<path>`.
   * @param key the client's key, 1 to 255 characters.
   * @param fingerprint hash of the request.
   * @param ttlMs how long the answer is kept.
   * @param claimMs after so long without an answer the claim lapses. Default 60 s.
   */
  begin(
    tenant: TenantCtx,
    scope: string,
    key: string,
    fingerprint: string,
    ttlMs: number,
    claimMs?: number,
  ): Promise<IdempotencyBegin>;
  complete(
    tenant: TenantCtx,
    scope: string,
    key: string,
    token: string,
    answer: SavedAnswer,
  ): Promise<void>;
  abandon(tenant: TenantCtx, scope: string, key: string, token: string): Promise<void>;
}
