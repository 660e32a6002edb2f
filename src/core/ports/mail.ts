import type { TenantCtx } from "../tenant.ts";

export interface MailMessage {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
}

/** Sends mail. Resolves when the transport took it; the `log` adapter writes it to the log and an in-memory inbox. */
export interface Mail {
  send(tenant: TenantCtx, message: MailMessage): Promise<void>;
}
