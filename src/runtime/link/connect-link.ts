/**
 * The child's end of its link. In a file of its own: what the server's end needs (names, addresses, policies)
 * would be a tenth of a waiting process's memory.
 */
import { systemClock } from "../../shared/clock.ts";
import { CallReceiver } from "../calls/call-receiver.ts";
import { EgressClient } from "../egress/egress-client.ts";
import { endSelf } from "../parent-death.ts";
import { FIRST_CALL, FrameLink, type OnFrame } from "./frame-link.ts";
import { linkPath } from "./link-path.ts";

export interface ServerLink {
  readonly egress: EgressClient;
  readonly calls: CallReceiver;
  /** What the server has not taken yet, bytes. */
  readonly waitingBytes: () => number;
}

/** By the child, before it is sealed in. Without its server it ends. */
export async function connectLink(dir: string): Promise<ServerLink> {
  let link: FrameLink | null = null;
  let egress: EgressClient | null = null;
  const socket = await Bun.connect({
    unix: linkPath(dir),
    socket: {
      data: (_, chunk) => void link?.receive(chunk),
      drain: () => link?.drained(),
      close() {
        egress?.close();
        endSelf();
      },
    },
  });
  const onFrame: OnFrame = {
    frame: (type, number, payload) =>
      number >= FIRST_CALL ? calls.take(type, number, payload) : client.take(type, number, payload),
    head: (_, number, head, body) => calls.takeCall(number, head as object, body),
  };
  const made = new FrameLink(socket, onFrame, Number.POSITIVE_INFINITY);
  const client = new EgressClient(made);
  const calls = new CallReceiver(made, systemClock);
  link = made;
  egress = client;
  process.on("exit", () => sendRest(made));
  return { egress: client, calls, waitingBytes: () => made.waitingBytes };
}

/** A server that is busy has not read all by then. */
const REST_MS = 100;

/** Lines and answers of this turn are on their way, also where the function ends its process. */
function sendRest(link: FrameLink): void {
  const until = systemClock.monotonic() + REST_MS;
  for (;;) {
    link.drained();
    if (link.waitingBytes === 0 || systemClock.monotonic() > until) return;
    Bun.sleepSync(1);
  }
}
