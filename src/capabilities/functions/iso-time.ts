/** A time of the database as answers show it: ISO 8601 in UTC. */
export function isoTime(value: Date | string): string {
  return new Date(value).toISOString();
}
