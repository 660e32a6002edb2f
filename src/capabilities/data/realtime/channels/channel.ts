/** One channel that one socket has joined: what the client sends on it, and what it gets. */
import type { Principal } from "../../../../core/ports/auth.ts";
import { watchKey } from "../watch-key.ts";
import type { OutgoingBroadcast } from "./broadcast.ts";
import { ChannelChanges } from "./channel-changes.ts";
import { ChannelPresence } from "./channel-presence.ts";
import { handleBroadcast } from "./handle-broadcast.ts";
import type { Hub, Member } from "./hub.ts";
import type { JoinRequest } from "./join-request.ts";
import { NOTHING_ALLOWED, type Permissions } from "./permissions.ts";
import { expiredFor, proveToken, Refusal } from "./prove-token.ts";
import { refreshToken } from "./refresh-token.ts";
import type { Session } from "./session.ts";
import { topicKey } from "./topic.ts";
import type { Address, InboundFrame, Ref } from "./wire.ts";

/** Frames that wait while an earlier one is being worked on. */
const INBOX_MAX = 200;
/** Frames for the client that wait for the answer to its join. */
const EARLY_MAX = 1_000;
/** Timers hold no more than 2^31 ms. */
const EXPIRY_CHECK_MS_MAX = 3_600_000;

export class Channel implements Member {
  readonly session: Session;
  readonly hub: Hub;
  readonly joinRef: Ref;
  /** As the client writes it. */
  readonly wireTopic: string;
  readonly subTopic: string;
  readonly request: JoinRequest;
  /** As the hub knows it. */
  readonly topic: string;
  readonly changes: ChannelChanges;
  readonly presence: ChannelPresence;
  principal: Principal;
  permissions: Permissions = NOTHING_ALLOWED;
  /** The token that `principal` was proven by; null for the socket's own credential. */
  token: string | null;
  /** Monotonic milliseconds; of the last new token. */
  refreshedAt = Number.NEGATIVE_INFINITY;
  #state: "joining" | "joined" | "closed" = "joining";
  #isBusy = false;
  #inbox: InboundFrame[] = [];
  #early: (() => void)[] = [];
  /** More came before the answer than could be held back. */
  #isOverrun = false;
  /** Rows that were replayed: the same as they come alive are not sent again. */
  #replayed: ReadonlySet<string | null> = new Set();
  #cancelExpiry: () => void = () => undefined;
  #unwatchKey: () => void = () => undefined;

  constructor(session: Session, frame: InboundFrame, subTopic: string, request: JoinRequest) {
    this.session = session;
    this.hub = session.room.hubOf(session.init.tenant);
    this.joinRef = frame.joinRef ?? frame.ref;
    this.wireTopic = frame.topic;
    this.subTopic = subTopic;
    this.request = request;
    this.topic = topicKey(subTopic, request.isPrivate);
    this.principal = session.init.principal;
    this.token = request.accessToken;
    this.changes = new ChannelChanges(this, request.bindings);
    this.presence = new ChannelPresence(this);
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Sends these first, once the join is answered. */
  openWith(replay: readonly OutgoingBroadcast[]): void {
    const { version } = this.session.init;
    this.#replayed = new Set(replay.map(({ id }) => id));
    const sends = replay.map((message) => () => {
      const frame = message.frame(version);
      if (frame !== null) this.session.send(frame);
    });
    this.#early.unshift(...sends);
  }

  /** The join was answered: what was held back goes out, what waited is worked on. */
  opened(): void {
    this.#state = "joined";
    for (const send of this.#early.splice(0)) send();
    // It joins again, and knows by that that it may have missed something.
    if (this.#isOverrun) this.end("phx_error");
    this.#drain();
  }

  receive(frame: InboundFrame): void {
    const isReady = this.#state === "joined" && !this.#isBusy;
    if (frame.event === "phx_leave") this.#leave(frame);
    else if (isReady) this.#handle(frame);
    else if (this.#inbox.length < INBOX_MAX) this.#inbox.push(frame);
    else this.shutDown("Too many messages per second");
  }

  broadcast(message: OutgoingBroadcast): void {
    if (!this.permissions.readBroadcast) return;
    const frame = message.frame(this.session.init.version);
    if (frame === null) return;
    if (this.#state === "joined") this.#deliver(frame, message.id);
    else this.#whenOpen(() => this.#deliver(frame, message.id));
  }

  presenceDiff(payload: string): void {
    if (this.presence.isOn && this.permissions.readPresence) this.push("presence_diff", payload);
  }

  /** @param payload JSON text of an object */
  push(event: string, payload: string): void {
    const address = { joinRef: this.joinRef, ref: null, topic: this.wireTopic, event };
    this.#whenOpen(() => this.session.push(address, payload));
  }

  reply(to: Address, status: "ok" | "error", response?: string): void {
    if (!this.isClosed) this.session.reply(to, status, response);
  }

  /** What supabase calls a system message: news about the channel itself. */
  system(extension: "system" | "postgres_changes", status: "ok" | "error", message: string): void {
    this.push("system", JSON.stringify({ extension, status, message, channel: this.subTopic }));
  }

  /** Closes it with a reason; the client does not come back by itself. */
  shutDown(message: string): void {
    if (this.isClosed) return;
    this.session.room.log.info("realtime.channel_shut", {
      tenant: this.session.init.tenant.id,
      reason: message,
    });
    this.system("system", "error", message);
    this.end("phx_close");
  }

  /** `phx_close`: it is over. `phx_error`: the client joins again. */
  end(event: "phx_close" | "phx_error"): void {
    if (this.isClosed) return;
    this.abandon();
    const { session, wireTopic, joinRef } = this;
    if (session.channels.get(wireTopic) === this) session.channels.delete(wireTopic);
    session.push({ joinRef, ref: joinRef, topic: wireTopic, event }, "{}");
  }

  /** Lets go of everything, without a word. */
  abandon(): void {
    if (this.isClosed) return;
    this.#state = "closed";
    this.#cancelExpiry();
    this.#unwatchKey();
    this.changes.close();
    this.presence.untrack();
    this.hub.remove(this);
    this.#inbox = [];
    this.#early = [];
  }

  /** Ends the channel when the principal must not be honoured any more. */
  watchCredential(): void {
    this.#watchExpiry();
    this.#unwatchKey();
    if (this.isClosed) return;
    const { principal, token } = this;
    const { room, init } = this.session;
    const bearer = token ?? init.credentials.bearer;
    this.#unwatchKey = watchKey(room.clock, {
      principal,
      prove: () =>
        room.auth.authenticate(init.tenant, { ...init.credentials, bearer, rechecks: true }),
      // It joins again, and is judged anew.
      changed: () => this.end("phx_error"),
      ended: (reason) => this.shutDown(reason),
    });
  }

  #watchExpiry(): void {
    this.#cancelExpiry();
    const { clock } = this.session.room;
    const leftMs = this.principal.expiresAt - clock.now();
    if (leftMs <= 0) {
      this.shutDown(expiredFor(-leftMs));
    } else if (leftMs !== Number.POSITIVE_INFINITY) {
      const nextMs = Math.min(leftMs, EXPIRY_CHECK_MS_MAX);
      this.#cancelExpiry = clock.after(nextMs, () => this.#watchExpiry());
    }
  }

  #deliver(frame: string | Uint8Array, id: string | null): void {
    if (id === null || !this.#replayed.has(id)) this.session.send(frame);
  }

  #whenOpen(send: () => void): void {
    if (this.#state === "joined") send();
    else if (this.#state === "joining" && this.#early.length < EARLY_MAX) this.#early.push(send);
    else this.#isOverrun = true;
  }

  #leave(frame: InboundFrame): void {
    this.reply(frame, "ok");
    this.end("phx_close");
  }

  #handle(frame: InboundFrame): void {
    const work = this.#dispatch(frame);
    if (!work) return;
    this.#isBusy = true;
    work
      .catch((error: unknown) => {
        this.session.room.log.error("realtime.failed", {
          tenant: this.session.init.tenant.id,
          event: frame.event,
          error,
        });
        // The client joins again; what it meant to do is undone.
        this.end("phx_error");
      })
      .finally(() => {
        this.#isBusy = false;
        this.#drain();
      });
  }

  #drain(): void {
    while (!this.#isBusy && !this.isClosed) {
      const next = this.#inbox.shift();
      if (!next) return;
      this.#handle(next);
    }
  }

  /** Events that are unknown are passed over, as Phoenix channels of Supabase do. */
  #dispatch(frame: InboundFrame): Promise<void> | void {
    switch (frame.event) {
      case "broadcast":
        return this.#counted(frame, () => handleBroadcast(this, frame));
      case "presence":
        return this.#counted(frame, () => this.presence.handle(frame));
      case "access_token":
        return refreshToken(this, frame);
    }
  }

  /** What a key sends counts against its limits, as its requests over HTTP do. */
  #counted(frame: InboundFrame, send: () => Promise<void> | void): Promise<void> | void {
    if (this.principal.keyId === undefined) return send();
    return proveToken(this.session, this.token).then(
      () => (this.isClosed ? undefined : send()),
      (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        this.reply(frame, "error", JSON.stringify({ reason: error.reason }));
      },
    );
  }
}
