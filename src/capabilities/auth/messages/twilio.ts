/** Twilio's Programmable Messaging, API version 2010-04-01: `POST …/Accounts/{sid}/Messages.json`. */
import type { Clock } from "../../../core/ports/clock.ts";
import { readTextWithin } from "../defence/fetch-within.ts";
import { authErrors } from "../errors.ts";
import type { SmsConfig } from "./config.ts";
import type { OutgoingSms } from "./sms-provider.ts";

const ANSWER_BYTES_MAX = 64 * 1024;
/** States of a message that Twilio gave up on. */
const LOST = ["failed", "undelivered"];

/** @throws sms_send_failed */
export async function sendByTwilio(
  clock: Clock,
  config: SmsConfig & { readonly origin: string },
  { to, text }: OutgoingSms,
): Promise<void> {
  const { twilio_account_sid: sid, twilio_auth_token: token, twilio_from: from } = config;
  const url = `${config.origin}/2010-04-01/Accounts/${sid}/Messages.json`;
  const form = new URLSearchParams({ To: to, Body: text });
  form.set(from.startsWith("MG") ? "MessagingServiceSid" : "From", from);
  const basic = Buffer.from(`${sid}:${token}`).toString("base64");
  const init = { method: "POST", body: form, headers: { authorization: `Basic ${basic}` } };
  const bounds = { timeoutMs: config.timeout_ms, maxBytes: ANSWER_BYTES_MAX };
  const answer = await readTextWithin(clock, url, init, bounds).catch((cause: unknown) => {
    throw authErrors.sms_send_failed("Error sending confirmation OTP to provider", cause);
  });
  checkAnswer(answer.status, answer.text);
}

/** 201 with the message, or a status of 400 and above with `code`, `message`, `more_info`. */
function checkAnswer(status: number, text: string): void {
  const answer = parse(text);
  const isTaken = status >= 200 && status < 300 && !LOST.includes(String(answer["status"]));
  if (isTaken) return;
  const code = answer["code"] ?? answer["error_code"] ?? status;
  throw authErrors.sms_send_failed(
    "Error sending confirmation OTP to provider",
    `Twilio: ${String(code)}`,
  );
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" ? { ...value } : {};
  } catch {
    // A proxy's page: the status says enough.
    return {};
  }
}
