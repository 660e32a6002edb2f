/**
 * The servers of one tenant, as one of them sees them: broadcasts go to all, presences are kept in
 * step, and a server that falls silent takes its presences with it. A server that is alone sends
 * nothing: the first message of another ends that.
 */
import type { Bus } from "../../../../core/ports/bus.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import type { Broadcast } from "./broadcast.ts";
import {
  type ClusterBody,
  type ClusterMessage,
  readMessage,
  SnapshotCollector,
  snapshotParts,
  writeMessage,
} from "./cluster-messages.ts";
import type { PresenceState } from "./presence-state.ts";

/** Makes messages unreadable, and unforgeable, for whoever else is on the Bus. */
export interface Seal {
  seal(text: string): string;
  /** Null for what was not sealed by this. */
  open(sealed: string): string | null;
}

export interface ClusterOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tenant: TenantCtx;
  /** Random per process start. */
  readonly self: string;
  /** The same for all servers of the installation. */
  readonly openSeal: () => Promise<Seal>;
  readonly presence: PresenceState;
  readonly onBroadcast: (topic: string, broadcast: Broadcast) => void;
}

interface Peer {
  /** Own heartbeats that came back since it was last heard. */
  missed: number;
  /** A snapshot is on its way. */
  asked: boolean;
  readonly collector: SnapshotCollector;
}

const TOPIC = "realtime";
export const HEARTBEAT_MS = 5_000;
/** Heartbeats in a row after which a silent server counts as gone. */
export const MISSED_MAX = 4;
/** How long a start waits to hear itself. */
const ECHO_MS = 2_000;

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #peers = new Map<string, Peer>();
  #leave: (() => Promise<void>) | null = null;
  #stopBeating: () => void = () => undefined;
  /**
   * `told`: heard our own hello, so whoever is there has heard it too. `settled`: a heartbeat later,
   * so all of them have had the time to answer.
   */
  #standing: "unknown" | "told" | "settled" = "unknown";
  #onEcho: () => void = () => undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** Resolves when messages of others arrive, and others send to this server. */
  async start(): Promise<void> {
    const { bus, tenant, clock } = this.#options;
    this.#standing = "unknown";
    const seal = await this.#options.openSeal();
    const receive = (payload: string) => this.#receive(seal.open(payload));
    this.#leave = await bus.subscribe(
      tenant,
      TOPIC,
      ({ payload }) => receive(payload),
      () => this.#afterGap(),
    );
    this.#stopBeating = clock.every(HEARTBEAT_MS, () => this.#beat());
    const heard = new Promise<void>((resolve) => {
      this.#onEcho = resolve;
    });
    await this.#publish({ kind: "hello", seq: this.#ownSeq() });
    const enough = new AbortController();
    const late = clock.sleep(ECHO_MS, enough.signal).catch(() => undefined);
    await Promise.race([heard, late]);
    enough.abort(new Error("heard"));
  }

  /** Tells the others, who then forget this server's presences. */
  async stop(): Promise<void> {
    this.#stopBeating();
    const leave = this.#leave;
    this.#leave = null;
    if (!leave) return;
    if (!this.isAlone) await this.#publish({ kind: "bye" });
    await leave();
    for (const peer of this.#peers.keys()) this.#options.presence.drop(peer);
    this.#peers.clear();
  }

  /** Nobody else would hear. False while that is not known for certain. */
  get isAlone(): boolean {
    return this.#leave !== null && this.#standing === "settled" && this.#peers.size === 0;
  }

  /** To the other servers; false when it could not be handed over. */
  async broadcast(topic: string, broadcast: Broadcast): Promise<boolean> {
    return this.isAlone || (await this.#publish({ kind: "cast", topic, broadcast }));
  }

  /** Sends own changes of presence. */
  flush(): void {
    const delta = this.#options.presence.takeDelta();
    if (delta && !this.isAlone) void this.#publish({ kind: "delta", delta });
  }

  #beat(): void {
    if (!this.isAlone) this.#say("here");
  }

  #say(kind: "hello" | "here"): void {
    this.flush();
    void this.#publish({ kind, seq: this.#ownSeq() });
  }

  #ownSeq(): number {
    return this.#options.presence.seqOf(this.#options.self);
  }

  #afterGap(): void {
    this.#standing = "unknown";
    for (const peer of this.#peers.values()) peer.missed = 0;
    this.#say("hello");
  }

  async #publish(body: ClusterBody): Promise<boolean> {
    const { bus, tenant, self, log, openSeal } = this.#options;
    // Before anything is waited for: what a body refers to may change.
    const text = writeMessage({ ...body, from: self });
    try {
      const seal = await openSeal();
      await bus.publish(tenant, TOPIC, seal.seal(text));
      return true;
    } catch (error) {
      // The Bus promises no more; whoever missed presences asks for them.
      log.warn("realtime.publish_failed", { kind: body.kind, error });
      return false;
    }
  }

  #receive(text: string | null): void {
    const message = text === null ? null : readMessage(text);
    if (message === null) {
      this.#options.log.warn("realtime.message_forged", { topic: TOPIC });
      return;
    }
    if (message.from === this.#options.self) this.#hearSelf(message);
    else if (message.kind === "bye") this.#forget(message.from);
    else this.#hear(message, this.#peerOf(message.from));
  }

  /** What comes back tells that the way is open: only then does a peer's silence mean anything. */
  #hearSelf({ kind }: ClusterMessage): void {
    if (kind === "hello") {
      this.#standing = "told";
      this.#onEcho();
    }
    if (kind !== "here") return;
    if (this.#standing === "told") this.#standing = "settled";
    for (const [name, peer] of this.#peers) {
      peer.missed += 1;
      if (peer.missed > MISSED_MAX) this.#forget(name);
    }
  }

  #peerOf(name: string): Peer {
    let peer = this.#peers.get(name);
    if (!peer) {
      peer = { missed: 0, asked: false, collector: new SnapshotCollector() };
      this.#peers.set(name, peer);
      this.#options.log.info("realtime.peer_found", { peer: name });
    }
    peer.missed = 0;
    return peer;
  }

  #forget(name: string): void {
    if (!this.#peers.delete(name)) return;
    this.#options.log.info("realtime.peer_gone", { peer: name });
    this.#options.presence.drop(name);
  }

  #hear(message: Exclude<ClusterMessage, { kind: "bye" }>, peer: Peer): void {
    const { presence, self, onBroadcast } = this.#options;
    switch (message.kind) {
      case "cast":
        onBroadcast(message.topic, message.broadcast);
        break;
      case "hello":
      case "here":
        if (message.kind === "hello") this.#say("here");
        peer.asked = false;
        if (message.seq > presence.seqOf(message.from)) this.#ask(message.from, peer);
        break;
      case "ask":
        if (message.of === self) this.#sendSnapshot();
        break;
      case "delta":
        if (!presence.applyDelta(message.from, message.delta)) this.#ask(message.from, peer);
        break;
      case "snapshot":
        this.#takePart(message, peer);
    }
  }

  #takePart(message: Extract<ClusterMessage, { kind: "snapshot" }>, peer: Peer): void {
    const whole = peer.collector.add(message.part, message.parts, message.snapshot);
    if (!whole) return;
    peer.asked = false;
    this.#options.presence.applySnapshot(message.from, whole);
  }

  /** Once, until the answer or the next heartbeat. */
  #ask(of: string, peer: Peer): void {
    if (peer.asked) return;
    peer.asked = true;
    void this.#publish({ kind: "ask", of });
  }

  #sendSnapshot(): void {
    const { presence } = this.#options;
    this.flush();
    for (const part of snapshotParts(presence.snapshot())) void this.#publish(part);
  }
}
