/** By what people are known on the pages: an e-mail address and, where text messages are sent, a number. */
import { canSendSms } from "../../messages/send-sms.ts";
import { normalizePhone } from "../../phone/normalize-phone.ts";
import { type Fault, field } from "../form-parts.ts";
import type { Html } from "../html.ts";
import type { Visit } from "../page.ts";

export type Address = { readonly email: string } | { readonly phone: string };

/** The input is called `email` either way, as password managers expect. */
export function addressField({ state }: Visit, value: string, fault: Fault | null): Html {
  const both = canSendSms(state);
  return field({
    name: "email",
    label: both ? "E-mail address or phone number" : "E-mail address",
    type: both ? "text" : "email",
    autocomplete: "username",
    value,
    fault,
  });
}

/** What was typed, as the operations take it. */
export function addressOf({ state }: Visit, text: string): Address {
  const phone = canSendSms(state) ? normalizePhone(text) : null;
  return phone === null ? { email: text } : { phone };
}
