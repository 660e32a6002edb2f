/** Names of channels: as clients write them (`realtime:room`), and as they are kept here. */

const PREFIX = "realtime:";

/** The name without its prefix; null for what is no channel of ours. */
export function subTopicOf(wireTopic: string): string | null {
  if (!wireTopic.startsWith(PREFIX) || wireTopic.length === PREFIX.length) return null;
  return wireTopic.slice(PREFIX.length);
}

export function wireTopicOf(subTopic: string): string {
  return PREFIX + subTopic;
}

/** A private channel and a public one of the same name never meet. */
export function topicKey(subTopic: string, isPrivate: boolean): string {
  return (isPrivate ? "p:" : "u:") + subTopic;
}

export function subTopicOfKey(key: string): string {
  return key.slice(2);
}
