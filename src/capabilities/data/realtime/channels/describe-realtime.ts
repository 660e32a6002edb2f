/** What the OpenAPI page says of the realtime routes. */

type RouteName = "socket" | "broadcasts" | "broadcast";

const TEXTS: Readonly<Record<RouteName, readonly [summary: string, description: string]>> = {
  socket: [
    "Open a realtime socket",
    "A WebSocket in the Phoenix channel protocol (`vsn` 1.0.0 or 2.0.0): broadcast, presence and changes of rows. The key comes as `apikey` in the query.",
  ],
  broadcasts: [
    "Broadcast to channels",
    "`messages` is a list of `{topic, event, payload, private}`. Private channels need a policy for insert on `realtime.messages`. All are sent, or none.",
  ],
  broadcast: [
    "Broadcast one message",
    "The body is the payload, JSON or bytes. In the query: `private`, and `persist` to keep it for replay.",
  ],
};

export function describeRealtime(name: RouteName) {
  const [summary, description] = TEXTS[name];
  const done: Record<number, { description: string }> =
    name === "socket"
      ? { 101: { description: "Switching protocols" } }
      : { 202: { description: "Handed to the subscribers" } };
  return {
    summary,
    description,
    tags: ["realtime"],
    security: [{ bearer: [] }, { apikey: [] }],
    responses: done,
  };
}
