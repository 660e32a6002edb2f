/** The Bus topic that says "there may be new events"; it carries nothing else. */
export const EVENTS_TOPIC = "events";
