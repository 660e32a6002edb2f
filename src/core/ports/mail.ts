import type { TenantCtx } from "../tenant.ts";

export interface MailMessage {
  /** One address, `local@domain`. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
}

/** A message as somebody who looks at the inbox sees it. */
export interface KeptMessage {
  readonly id: string;
  readonly channel: "mail" | "sms";
  /** An address or a phone number. */
  readonly to: string;
  /** Empty for a text message. */
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** The latest messages of this process, for development: in memory only, since they carry codes. */
export interface Inbox {
  /** Keeps a message that went out by another way than `send` (a text message). */
  keep(tenant: TenantCtx, message: Omit<KeptMessage, "id" | "at">): void;
  /** Oldest first, at most 100. */
  list(tenant: TenantCtx): readonly KeptMessage[];
}

/**
 * Sends mail. `send` resolves when the transport took the message, which may take long: callers do
 * not let a request wait for it. Rejects with `mail_refused` (what is no address, or a line break in
 * a header), `mail_failed` (the transport will not take it) or `mail_unavailable` (it may later).
 */
export interface Mail {
  send(tenant: TenantCtx, message: MailMessage): Promise<void>;
  /** Asks the transport whether it would take messages, and sends none. Rejects like `send`. */
  probe(tenant: TenantCtx): Promise<void>;
  /** Where messages go, as `smtp.example.com:587`; null = nowhere but the inbox. */
  readonly transport: string | null;
  /** Null where messages are sent and must not be kept. */
  readonly inbox: Inbox | null;
}
