/**
 * What Postgres answered when it refused or failed something, with every field of the message.
 *
 * Thrown by the user pool; the data capability turns SQLSTATEs into HTTP answers. Not a
 * `ReactorError`: message, detail and hint may hold row contents, so whoever answers a client
 * decides what to disclose.
 */

/** Fields of ErrorResponse and NoticeResponse (protocol 3.0, "Error and Notice Message Fields"). */
export interface PgErrorFields {
  /** `ERROR`, `FATAL`, `PANIC`; for notices `WARNING`, `NOTICE`, `DEBUG`, `INFO`, `LOG`. */
  readonly severity: string;
  /** SQLSTATE, five characters. */
  readonly code: string;
  readonly message: string;
  readonly detail: string | null;
  readonly hint: string | null;
  /** 1-based character position in the statement. */
  readonly position: number | null;
  readonly internalPosition: number | null;
  readonly internalQuery: string | null;
  readonly where: string | null;
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
  readonly dataType: string | null;
  readonly constraint: string | null;
  readonly file: string | null;
  readonly line: string | null;
  readonly routine: string | null;
}

export class PgError extends Error implements PgErrorFields {
  readonly severity: string;
  readonly code: string;
  readonly detail: string | null;
  readonly hint: string | null;
  readonly position: number | null;
  readonly internalPosition: number | null;
  readonly internalQuery: string | null;
  readonly where: string | null;
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
  readonly dataType: string | null;
  readonly constraint: string | null;
  readonly file: string | null;
  readonly line: string | null;
  readonly routine: string | null;

  constructor(fields: PgErrorFields) {
    super(fields.message);
    this.name = "PgError";
    this.severity = fields.severity;
    this.code = fields.code;
    this.detail = fields.detail;
    this.hint = fields.hint;
    this.position = fields.position;
    this.internalPosition = fields.internalPosition;
    this.internalQuery = fields.internalQuery;
    this.where = fields.where;
    this.schema = fields.schema;
    this.table = fields.table;
    this.column = fields.column;
    this.dataType = fields.dataType;
    this.constraint = fields.constraint;
    this.file = fields.file;
    this.line = fields.line;
    this.routine = fields.routine;
  }
}

/** Reads the body of an ErrorResponse or NoticeResponse: (type byte, C string)* NUL. */
export function parseErrorFields(data: Buffer, start: number, end: number): PgErrorFields {
  const fields = new Map<string, string>();
  let at = start;
  while (at < end && data[at] !== 0) {
    const stop = data.indexOf(0, at + 1);
    if (stop < 0 || stop >= end) break;
    fields.set(String.fromCharCode(data[at] ?? 0), data.toString("utf8", at + 1, stop));
    at = stop + 1;
  }
  const text = (key: string) => fields.get(key) ?? null;
  const number = (key: string) => (fields.has(key) ? Number(fields.get(key)) : null);
  return {
    // V is the severity that is never translated; servers before 9.6 send only S.
    severity: text("V") ?? text("S") ?? "ERROR",
    code: text("C") ?? "XX000",
    message: text("M") ?? "Postgres sent an error without a message",
    detail: text("D"),
    hint: text("H"),
    position: number("P"),
    internalPosition: number("p"),
    internalQuery: text("q"),
    where: text("W"),
    schema: text("s"),
    table: text("t"),
    column: text("c"),
    dataType: text("d"),
    constraint: text("n"),
    file: text("F"),
    line: text("L"),
    routine: text("R"),
  };
}
