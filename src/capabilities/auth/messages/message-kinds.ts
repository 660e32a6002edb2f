/**
 * What is sent to people, and why. A template's file is named by its kind; `action` is what the
 * `send_email` hook is told (`email_action_type`) and the `type` of the link, with GoTrue's names; `title` stands in errors.
 */
export const MESSAGE_KINDS = {
  confirmation: { action: "signup", title: "confirmation" },
  recovery: { action: "recovery", title: "recovery" },
  magiclink: { action: "magiclink", title: "magic link" },
  invite: { action: "invite", title: "invite" },
  email_change: { action: "email_change", title: "email change" },
  reauthentication: { action: "reauthentication", title: "reauthentication" },
  password_changed: { action: "password_changed_notification", title: "notification" },
  email_changed: { action: "email_changed_notification", title: "notification" },
  phone_changed: { action: "phone_changed_notification", title: "notification" },
  identity_linked: { action: "identity_linked_notification", title: "notification" },
  identity_unlinked: { action: "identity_unlinked_notification", title: "notification" },
  mfa_changed: { action: "mfa_factor_changed_notification", title: "notification" },
  org_invitation: { action: "org_invitation", title: "invitation" },
} as const;

export type MessageKind = keyof typeof MESSAGE_KINDS;

export const kindNames = Object.keys(MESSAGE_KINDS) as MessageKind[];

/** What the caller of `sendMessage` may tell a template beside the person and the token. */
export interface MessageData {
  readonly old_email?: string;
  readonly new_email?: string;
  readonly old_phone?: string;
  /** `github`, `saml` … */
  readonly provider?: string;
  /** `totp`, `webauthn`, `phone`, `recovery_codes`. */
  readonly factor_type?: string;
  /** `enrolled`, `removed` … */
  readonly change?: string;
  readonly organization?: string;
  readonly inviter?: string;
  readonly role?: string;
  /** Where to go, when it is not the link that confirms a token: an invitation's page. */
  readonly link?: string;
}

/** Names that templates may use after the dot; `.Data.<name>` is the person's own metadata. */
export const TEMPLATE_VARIABLES = [
  "SiteURL",
  "ConfirmationURL",
  "Email",
  "NewEmail",
  "OldEmail",
  "Phone",
  "OldPhone",
  "SendingTo",
  "Token",
  "TokenHash",
  "RedirectTo",
  "Provider",
  "FactorType",
  "Change",
  "Organization",
  "Inviter",
  "Role",
  "Time",
] as const;

export type TemplateVariable = (typeof TEMPLATE_VARIABLES)[number];

export interface TemplateValues extends Readonly<Partial<Record<TemplateVariable, string>>> {
  /** The person's `user_metadata`: theirs to write, so never to be trusted. */
  readonly Data: Readonly<Record<string, unknown>>;
}
