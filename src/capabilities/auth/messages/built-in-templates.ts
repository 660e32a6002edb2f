/** The mails as they are when the project brings no template of its own. English. */
import type { MessageKind } from "./message-kinds.ts";

interface BuiltIn {
  readonly subject: string;
  /** Paragraphs before the link or the code. */
  readonly opening: string;
  /** What the link says; null = there is none. */
  readonly action: string | null;
  /** Shows the code, too. */
  readonly code: boolean;
  readonly closing: string;
}

const IGNORE = "If you did not ask for this, you can ignore this message.";
const ALARM =
  "If this was not you, recover your account or tell whoever runs this service at once.";

const asked = (subject: string, opening: string, action: string, code = true): BuiltIn => ({
  subject,
  opening,
  action,
  code,
  closing: IGNORE,
});
const told = (subject: string, opening: string): BuiltIn => ({
  subject,
  opening,
  action: null,
  code: false,
  closing: ALARM,
});

const BUILT_IN: Readonly<Record<MessageKind, BuiltIn>> = {
  confirmation: asked(
    "Confirm your address",
    "Confirm this address to finish your sign-up at {{ .SiteURL }}.",
    "Confirm address",
  ),
  recovery: asked(
    "Reset your password",
    "Somebody asked to reset the password of your account at {{ .SiteURL }}.",
    "Choose a new password",
  ),
  magiclink: asked("Your sign-in link", "Sign in at {{ .SiteURL }}.", "Sign in"),
  invite: asked(
    "You have been invited",
    "You have been invited to make an account at {{ .SiteURL }}.",
    "Accept the invitation",
  ),
  email_change: asked(
    "Confirm the change of your address",
    "The address of your account is to be changed from {{ .Email }} to {{ .NewEmail }}.",
    "Confirm the change",
  ),
  reauthentication: {
    ...asked("Your confirmation code", "Enter this code to confirm that it is you.", ""),
    action: null,
  },
  password_changed: told(
    "Your password was changed",
    "The password of your account {{ .Email }} was changed{{ if .Time }} at {{ .Time }}{{ end }}.",
  ),
  email_changed: told(
    "Your address was changed",
    "The address of your account was changed from {{ .OldEmail }} to {{ .NewEmail }}.",
  ),
  phone_changed: told(
    "Your phone number was changed",
    "The phone number of your account {{ .Email }} was changed{{ if .OldPhone }} from {{ .OldPhone }}{{ end }}.",
  ),
  identity_linked: told(
    "A way to sign in was added",
    "Signing in with {{ .Provider }} was added to your account {{ .Email }}.",
  ),
  identity_unlinked: told(
    "A way to sign in was removed",
    "Signing in with {{ .Provider }} was removed from your account {{ .Email }}.",
  ),
  mfa_changed: told(
    "Your second factors were changed",
    "A second factor{{ if .FactorType }} ({{ .FactorType }}){{ end }} of your account {{ .Email }} was {{ if .Change }}{{ .Change }}{{ else }}changed{{ end }}.",
  ),
  org_invitation: asked(
    "You have been invited to {{ .Organization }}",
    "{{ if .Inviter }}{{ .Inviter }} invites you{{ else }}You have been invited{{ end }} to join {{ .Organization }}{{ if .Role }} as {{ .Role }}{{ end }}.",
    "Accept the invitation",
    true,
  ),
};

export interface TemplateSource {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export function builtInTemplate(kind: MessageKind): TemplateSource {
  const built = BUILT_IN[kind];
  return { subject: built.subject, text: textOf(built), html: htmlOf(built) };
}

function textOf({ opening, action, code, closing }: BuiltIn): string {
  return [
    opening,
    ...(action === null
      ? []
      : [`{{ if .ConfirmationURL }}${action}:\n{{ .ConfirmationURL }}{{ end }}`]),
    ...(code ? ["{{ if .Token }}Your code: {{ .Token }}{{ end }}"] : []),
    closing,
    "",
  ].join("\n\n");
}

const BODY =
  "margin:0;padding:32px 16px;background:#f5f5f5;font:16px/1.5 system-ui,-apple-system,Segoe UI,sans-serif;color:#1a1a1a";
const CARD = "max-width:480px;margin:0 auto;padding:32px;background:#ffffff;border-radius:8px";
const BUTTON =
  "display:inline-block;padding:12px 20px;border-radius:6px;background:#1a1a1a;color:#ffffff;text-decoration:none";
const CODE = "font:24px/1.5 ui-monospace,Menlo,Consolas,monospace;letter-spacing:4px";

function htmlOf({ subject, opening, action, code, closing }: BuiltIn): string {
  const link =
    action === null
      ? ""
      : `{{ if .ConfirmationURL }}<p><a href="{{ .ConfirmationURL }}" style="${BUTTON}">${action}</a></p>\n{{ end }}`;
  const shown = code
    ? `{{ if .Token }}<p>Your code:</p>\n<p style="${CODE}">{{ .Token }}</p>\n{{ end }}`
    : "";
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${subject}</title></head>
<body style="${BODY}">
<div style="${CARD}">
<h1 style="font-size:20px;margin-top:0">${subject}</h1>
<p>${opening}</p>
${link}${shown}<p style="color:#666666;font-size:14px">${closing}</p>
</div>
</body>
</html>
`;
}
