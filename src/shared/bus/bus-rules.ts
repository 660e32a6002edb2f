/** The bounds every Bus adapter keeps. */
import { sharedErrors } from "../errors.ts";

export const PAYLOAD_BYTES_MAX = 1_048_576;
export const TOPIC_LENGTH_MAX = 512;

/** @throws bus_message_invalid */
export function checkMessage(topic: string, payload: string): void {
  if (topic === "" || topic.length > TOPIC_LENGTH_MAX) {
    throw sharedErrors.bus_message_invalid(`A topic is 1 to ${TOPIC_LENGTH_MAX} characters`);
  }
  // UTF-8 has at most three bytes for each UTF-16 unit: short payloads need no counting.
  if (payload.length * 3 <= PAYLOAD_BYTES_MAX) return;
  if (Buffer.byteLength(payload) > PAYLOAD_BYTES_MAX) {
    throw sharedErrors.bus_message_invalid(`The limit is ${PAYLOAD_BYTES_MAX} bytes`);
  }
}
