/** The Unix socket of a link: the server waits for the one child it is for, the child connects once. */
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ToChild } from "../messages.ts";
import { endSelf } from "../parent-death.ts";
import { EgressClient } from "./egress-client.ts";
import { type EgressOptions, EgressServer } from "./egress-server.ts";

const FILE = "e";

/** The server's end of a child's link. */
export interface ChildLink {
  /** Sends a control message, once the child has connected. */
  say(message: ToChild): void;
  /** Resolves when the child has closed its end and all that it sent has been taken. */
  readonly ended: Promise<void>;
  close(): void;
}

export interface LinkOptions extends EgressOptions {
  /** The child sends what cannot be: its end of the link is closed. */
  onBroken(): void;
}

/** In the child's folder, which nobody else can enter: whoever connects is the child. */
export function listenForLink(dir: string, options: LinkOptions): ChildLink {
  const path = join(dir, FILE);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let server: EgressServer | null = null;
  const listener = Bun.listen<undefined>({
    unix: path,
    socket: {
      open(socket) {
        // One link a child: the way in is closed behind it.
        if (server) return void socket.end();
        server = new EgressServer(socket, options);
        listener.stop();
        rmSync(path, { force: true });
      },
      data(socket, chunk) {
        try {
          server?.receive(chunk);
        } catch {
          // No frames, or too many: the child is not what we started any more.
          socket.end();
          options.onBroken();
        }
      },
      drain: () => server?.drained(),
      close() {
        server?.close();
        end();
      },
    },
  });
  // The child may be of another user.
  chmodSync(path, 0o777);
  return {
    say: (message) => server?.say(message),
    ended,
    close() {
      listener.stop(true);
      server?.close();
    },
  };
}

/** By the child, before it is sealed in. Without its server it ends. */
export async function connectLink(dir: string): Promise<EgressClient> {
  let client: EgressClient | null = null;
  const socket = await Bun.connect({
    unix: join(dir, FILE),
    socket: {
      data: (_, chunk) => client?.receive(chunk),
      drain: () => client?.drained(),
      close() {
        client?.close();
        endSelf();
      },
    },
  });
  client = new EgressClient(socket);
  return client;
}
