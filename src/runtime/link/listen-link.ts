/** The server's end of a link: it waits at a Unix socket for the one child it is for. */
import { chmodSync, rmSync } from "node:fs";
import type { Clock } from "../../core/ports/clock.ts";
import {
  type CallBody,
  CallNotSent,
  CallSender,
  type OnCallEnd,
  type SentCall,
} from "../calls/call-sender.ts";
import { type EgressOptions, EgressServer } from "../egress/egress-server.ts";
import { type BodyShare, createLinkFlow } from "../flow.ts";
import type { ToChild } from "../messages.ts";
import { FIRST_CALL, FRAME, FrameLink, type LinkSocket, type OnFrame } from "./frame-link.ts";
import { linkPath } from "./link-path.ts";
import { PacedReader, type PausableSocket } from "./paced-reader.ts";

/** The server's end of a child's link. */
export interface ChildLink {
  /** Sends a control message, once the child has connected. */
  say(message: ToChild): void;
  /** Sends a call; see `CallSender`. @throws CallNotSent before the child has connected and after it went */
  call(head: object, body: CallBody, onEnd?: OnCallEnd): SentCall;
  /** Resolves when the child has closed its end and all that it sent has been taken. */
  readonly ended: Promise<void>;
  close(): void;
}

export interface LinkOptions extends EgressOptions {
  /** The child sends what cannot be: its end of the link is closed. */
  onBroken(): void;
  readonly clock: Pick<Clock, "monotonic" | "after">;
  /** Of the whole server. */
  readonly bodies: BodyShare;
}

/** What the server does with one child's frames. */
interface ServerEnd {
  readonly link: FrameLink;
  readonly egress: EgressServer;
  readonly calls: CallSender;
  readonly reader: PacedReader;
}

function serverEnd(socket: LinkSocket & PausableSocket, options: LinkOptions): ServerEnd {
  const flow = createLinkFlow(options.clock, options.bodies);
  const onFrame: OnFrame = {
    frame: (type, number, payload) =>
      number >= FIRST_CALL ? calls.take(type, number, payload) : egress.take(type, number, payload),
    head(type, number, head, body, bytes) {
      if (type !== FRAME.answer) throw new RangeError("A child does not call");
      calls.takeAnswer(number, head, body, bytes);
    },
  };
  const link = new FrameLink(socket, onFrame);
  const egress = new EgressServer(link, flow, options);
  const calls = new CallSender(link, flow);
  const onBroken = () => {
    // No frames: the child is not what we started any more.
    link.close();
    options.onBroken();
  };
  const reader = new PacedReader({ link, flow, socket, onBroken, clock: options.clock });
  return { link, egress, calls, reader };
}

/** In the child's folder, which nobody else can enter: whoever connects is the child. */
export function listenForLink(dir: string, options: LinkOptions): ChildLink {
  const path = linkPath(dir);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let server: ServerEnd | null = null;
  const closeEnd = () => {
    server?.link.close();
    server?.egress.close();
    server?.calls.close();
  };
  const listener = Bun.listen<undefined>({
    unix: path,
    socket: {
      open(socket) {
        // One link a child: the way in is closed behind it.
        if (server) return void socket.end();
        server = serverEnd(socket, options);
        listener.stop();
        rmSync(path, { force: true });
      },
      data: (_, chunk) => server?.reader.take(chunk),
      drain: () => server?.link.drained(),
      close() {
        server?.reader.finish();
        closeEnd();
        end();
      },
    },
  });
  // The child may be of another user.
  chmodSync(path, 0o777);
  return {
    say: (message) => server?.egress.say(message),
    call(head, body, onEnd) {
      if (!server) throw new CallNotSent();
      return server.calls.send(head, body, onEnd);
    },
    ended,
    close() {
      listener.stop(true);
      closeEnd();
    },
  };
}
