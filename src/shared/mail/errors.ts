/** What can become of a message. */
import { defineErrors } from "../../core/errors.ts";

export const mailErrors = defineErrors({
  mail_refused: (details: string) => ({
    status: 400,
    message: "The message cannot be sent as it is",
    details,
  }),
  mail_failed: (details: string, cause?: unknown) => ({
    status: 502,
    message: "The mail server does not take the message",
    details,
    hint: "Check the [mail] settings; `reactor doctor` asks the server",
    cause,
  }),
  mail_unavailable: (details: string, cause?: unknown) => ({
    status: 503,
    message: "The mail server cannot be reached",
    details,
    hint: "Check the [mail] settings, or try again later; `reactor doctor` asks the server",
    headers: { "Retry-After": "60" },
    cause,
  }),
});
