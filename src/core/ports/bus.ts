import type { TenantCtx } from "../tenant.ts";

/** A message as received. */
export interface BusMessage {
  readonly topic: string;
  readonly payload: string;
}

/**
 * Best-effort publish/subscribe between the servers of one installation (and inside one server).
 * At most once, in order per publisher and topic; nothing is kept for absent subscribers: whoever
 * needs certainty reads Events and uses Bus as the wake-up.
 */
export interface Bus {
  /** Payload <= 1 MiB; adapters with smaller frames chunk. Resolves when handed to the transport. */
  publish(tenant: TenantCtx, topic: string, payload: string): Promise<void>;
  /** Resolves when live. The returned function unsubscribes. `onGap` tells of a lost connection, after it is restored. */
  subscribe(
    tenant: TenantCtx,
    topic: string,
    onMessage: (message: BusMessage) => void,
    onGap?: () => void,
  ): Promise<() => Promise<void>>;
}
