/**
 * The fields whose values differ from run to run. Rows name them as `"<format>"`, the topology test
 * compares answers after masking them. At most ten, and each value must have its format: a mask may
 * not hide a wrong answer.
 */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})$/;

export interface Mask {
  /** What stands in its place. */
  readonly name: string;
  matches(value: unknown): boolean;
}

const text = (name: string, pattern: RegExp): Mask => ({
  name,
  matches: (value) => typeof value === "string" && pattern.test(value),
});

/** Members of JSON bodies, at any depth. */
export const MASKED_FIELDS: Readonly<Record<string, Mask>> = {
  id: {
    name: "<uuid>",
    // Ids that are not UUIDs (a table's own integers) are data and stay.
    matches: (value) => typeof value === "string" && UUID.test(value),
  },
  access_token: text("<jwt>", JWT),
  refresh_token: text("<token>", /^[A-Za-z0-9_-]{16,128}$/),
  created_at: text("<time>", ISO_TIME),
  updated_at: text("<time>", ISO_TIME),
  last_sign_in_at: text("<time>", ISO_TIME),
  expires_at: {
    name: "<seconds>",
    matches: (value) => Number.isInteger(value) && (value as number) > 1_700_000_000,
  },
  session_id: text("<uuid>", UUID),
};

/** Answer headers. */
export const MASKED_HEADERS: Readonly<Record<string, Mask>> = {
  "x-request-id": text("<uuid>", UUID),
  "x-reactor-duration-ms": text("<ms>", /^\d+(?:\.\d+)?$/),
};

/** Replaces masked members by their format's name; a value of another format stays and so fails. */
export function maskBody(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskBody);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const mask = MASKED_FIELDS[key];
      return [key, mask?.matches(member) ? mask.name : maskBody(member)];
    }),
  );
}

export function maskHeader(name: string, value: string): string {
  const mask = MASKED_HEADERS[name];
  return mask?.matches(value) ? mask.name : value;
}
