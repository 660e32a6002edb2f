/** `[mail]`: the SMTP server that takes the mails of every capability. */
import { type Static, Type } from "@sinclair/typebox";

const text = (description: string, fallback = "") =>
  Type.String({ default: fallback, maxLength: 1024, description });

export const mailSection = Type.Object(
  {
    smtp_host: text(
      "Name or address of the SMTP server. Empty: messages go nowhere and are shown at `/auth/ui/_inbox`.",
    ),
    smtp_port: Type.Integer({
      default: 587,
      minimum: 1,
      maximum: 65_535,
      description: "Its port; 465 speaks TLS from the first byte.",
    }),
    smtp_security: Type.Union(
      ["auto", "tls", "starttls", "none"].map((one) => Type.Literal(one)),
      {
        default: "auto",
        description:
          "`tls`: from the first byte. `starttls`: required before anything is sent. `none`: in the clear. `auto`: `tls` on port 465, else `starttls`; `none` to this machine.",
      },
    ),
    smtp_user: text("Name to log in with. Empty: no login."),
    smtp_password: Type.String({
      default: "",
      maxLength: 4096,
      secret: true,
      vault: true,
      description: "Password to log in with; may be `vault:path`.",
    }),
    smtp_ca: text(
      "PEM file of the authority that signed the server's certificate. Empty: the system's.",
    ),
    smtp_timeout_ms: Type.Integer({
      default: 10_000,
      minimum: 100,
      maximum: 120_000,
      description:
        "How long the server may be silent, milliseconds; a message may take three times as long.",
    }),
    from: text("Address that mails come from. Needed with `smtp_host`."),
    from_name: text("Name shown beside it."),
    reply_to: text("Address that answers go to. Empty: `from`."),
  },
  { additionalProperties: false, description: "Mails to people." },
);

type MailSection = Static<typeof mailSection>;
export type MailConfig = Omit<MailSection, "smtp_security"> & {
  readonly smtp_security: "auto" | "tls" | "starttls" | "none";
};
