/** Identifiers. */
export interface Ids {
  /** UUIDv7 (RFC 9562 §5.7): time-ordered within one process. */
  uuid(): string;
  /** URL-safe random token of `n` bytes of entropy (default 32), base64url without padding. */
  token(n?: number): string;
}
