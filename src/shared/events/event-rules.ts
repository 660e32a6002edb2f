/** The form every recorded event must have, whatever the adapter. */
import type { NewEvent } from "../../core/ports/events.ts";
import { sharedErrors } from "../errors.ts";

const TYPE = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;
const SUBJECT_LENGTH_MAX = 512;
const DATA_BYTES_MAX = 262_144;
const READ_MAX = 1_000;
/** JSON escapes that jsonb refuses: NUL and lone surrogates (well-formed text escapes neither). */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** The event's data as JSON text. @throws event_invalid */
export function eventJson(event: NewEvent): string {
  if (!TYPE.test(event.type)) throw sharedErrors.event_invalid("The type is not <area>.<what>");
  const { subject } = event;
  if (subject.length > SUBJECT_LENGTH_MAX || subject.includes("\0") || !subject.isWellFormed()) {
    throw sharedErrors.event_invalid(
      `The subject is not text of <= ${SUBJECT_LENGTH_MAX} characters`,
    );
  }
  const json: string | undefined = JSON.stringify(event.data);
  if (json === undefined) throw sharedErrors.event_invalid("The data is not JSON");
  if (Buffer.byteLength(json) > DATA_BYTES_MAX) {
    throw sharedErrors.event_invalid(`The data is larger than ${DATA_BYTES_MAX} bytes`);
  }
  if (UNSTORABLE.test(json)) {
    throw sharedErrors.event_invalid("The data contains NUL or malformed Unicode");
  }
  return json;
}

/** How many events one `read` gives. */
export function readLimit(limit: number): number {
  return Math.min(Math.max(1, Math.floor(limit)), READ_MAX);
}
