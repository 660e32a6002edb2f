/** What `/realtime/v1` answers over HTTP; on the socket, reasons are texts that clients know. */
import { defineErrors } from "../../../../core/errors.ts";

export const channelErrors = defineErrors({
  unsupported_version: () => ({
    status: 400,
    message: "The protocol version is not spoken here",
    hint: "Connect with vsn=1.0.0 or vsn=2.0.0",
  }),
  upgrade_required: () => ({
    status: 426,
    message: "This is a WebSocket",
    hint: "Connect with Connection: Upgrade and Upgrade: websocket",
    headers: { Connection: "Upgrade", Upgrade: "websocket" },
  }),
  too_many_sockets: () => ({
    status: 503,
    message: "This server has as many realtime sockets as it may have",
    hint: "Try again shortly",
    headers: { "Retry-After": "5" },
  }),
  invalid_broadcast: (details: string) => ({
    status: 422,
    message: "The broadcast is not of the expected form",
    details,
  }),
  broadcast_too_large: (limitBytes: number) => ({
    status: 413,
    message: "The payload of the broadcast is too large",
    details: `The limit is ${limitBytes} bytes`,
  }),
  broadcast_denied: (topic: string) => ({
    status: 403,
    message: `You do not have permission to broadcast on the channel ${topic}`,
    hint: "It needs a policy for insert on realtime.messages",
  }),
  public_channels_off: () => ({
    status: 403,
    message: "This project only allows private channels",
    hint: "Send with private = true",
  }),
});
