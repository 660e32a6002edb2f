import type { UserRow } from "../schema.ts";

/** True while a ban lasts. `infinity` in the column reads as no date at all, and counts as one. */
export function isBanned(
  { banned_until: until }: Pick<UserRow, "banned_until">,
  now: Date,
): boolean {
  return until !== null && !(until <= now);
}
