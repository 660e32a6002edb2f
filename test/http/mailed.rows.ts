/** Codes and links as rows: what is refused, and that strangers are told nothing, in every topology. */
import { fault, type HttpRow } from "../support/rows.ts";

const API = { "X-Supabase-Api-Version": "2024-01-01", "Cache-Control": "no-store" } as const;

const invalid = (message: string) => fault({ code: "validation_failed", message });
const EXPIRED = fault({ code: "otp_expired", message: "Token has expired or is invalid" });
const LINK_EXPIRED = fault({
  code: "otp_expired",
  message: "Email link is invalid or has expired",
});
const NO_PHONE = fault({ code: "phone_provider_disabled", message: "Phone sign-ins are disabled" });
const BAD_EMAIL = invalid("Unable to validate email address: invalid format");
const ONE_OF = invalid("One of email or phone must be set");
const STRANGER = "stranger@example.test";
const HASH = "0".repeat(64);

type Case = readonly [name: string, path: string, body: unknown, status: number, answer: unknown];

const CASES: readonly Case[] = [
  ["a code for a stranger is answered", "otp", { email: STRANGER, create_user: false }, 200, {}],
  ["a recovery of a stranger is answered", "recover", { email: STRANGER }, 200, {}],
  ["a resend to a stranger is answered", "resend", { type: "signup", email: STRANGER }, 200, {}],
  ["a code needs an address", "otp", {}, 400, ONE_OF],
  ["a magic link needs an address", "magiclink", {}, 400, ONE_OF],
  ["a code needs an address that is one", "otp", { email: "a@" }, 400, BAD_EMAIL],
  ["a code by phone is off", "otp", { phone: "+4917012345678" }, 400, NO_PHONE],
  [
    "a challenge needs its method",
    "otp",
    { email: STRANGER, code_challenge: "c".repeat(43) },
    400,
    invalid("PKCE flow requires code_challenge_method and code_challenge"),
  ],
  [
    "a recovery needs an address",
    "recover",
    {},
    400,
    invalid("Password recovery requires an email"),
  ],
  [
    "a resend needs a type",
    "resend",
    { email: STRANGER },
    400,
    invalid("Missing one of these types: signup, email_change, sms, phone_change"),
  ],
  [
    "a wrong code is refused",
    "verify",
    { type: "email", email: STRANGER, token: "000000" },
    403,
    EXPIRED,
  ],
  ["a wrong link is refused", "verify", { type: "email", token_hash: HASH }, 403, LINK_EXPIRED],
  [
    "a verification needs a token",
    "verify",
    { type: "email", email: STRANGER },
    400,
    invalid("Verify requires either a token or a token hash"),
  ],
];

export const mailedRows: HttpRow[] = [
  ...CASES.map(([name, path, body, status, answer]) => ({
    name,
    method: "POST",
    path: `/auth/v1/${path}`,
    as: "anon" as const,
    body,
    expect: { status, headers: API, body: answer },
  })),
  {
    name: "a link without a token leads nowhere",
    method: "GET",
    path: "/auth/v1/verify?type=signup",
    expect: {
      status: 400,
      headers: API,
      body: invalid("Verify requires a token or a token hash"),
    },
  },
  {
    name: "a link is looked at without being followed",
    method: "HEAD",
    path: `/auth/v1/verify?type=signup&token=${HASH}`,
    expect: { status: 204, headers: API },
  },
];
