/** A time that somebody sent, for a question to the database. */

/** Years of four digits: others ISO 8601 writes in a way that Postgres does not read. */
const EARLIEST = Date.parse("0001-01-01T00:00:00Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

/** Null where it is none, or none that the database can hold. */
export function storableTime(text: string): Date | null {
  const ms = Date.parse(text);
  return ms >= EARLIEST && ms <= LATEST ? new Date(ms) : null;
}
