/**
 * A form whose answer an authenticator gives. The options stand in the page; the page's script hands
 * them to the browser (WebAuthn Level 3 §5.1), puts the credential into the form and sends it. The
 * form does nothing without the script, and says so.
 */
import { authErrors } from "../errors.ts";
import type { JsonObject } from "../schema.ts";
import { form } from "./form-parts.ts";
import { type Child, type Html, html } from "./html.ts";

export interface WebAuthnFormOptions {
  readonly action: string;
  readonly csrf: string;
  /** `create` makes a credential, `get` uses one. */
  readonly kind: "create" | "get";
  readonly challengeId: string;
  /** `PublicKeyCredential…OptionsJSON`. */
  readonly options: unknown;
  readonly submit: string;
  readonly children?: Child;
}

export function webAuthnForm(options: WebAuthnFormOptions): Html {
  const { kind, challengeId, children, action, csrf, submit } = options;
  return html`<noscript><p class="notice danger">Your browser runs no scripts here, which passkeys and security
keys need. Please use another way.</p></noscript>
<p class="notice danger" id="webauthn-error" role="alert" hidden></p>
${form({
  action,
  csrf,
  submit,
  id: "webauthn",
  children: html`<input type="hidden" name="challenge_id" value="${challengeId}">
<input type="hidden" name="credential" value="">
<input type="hidden" id="webauthn-options" data-kind="${kind}" value="${JSON.stringify(options.options)}">
${children}`,
})}`;
}

/** The body that the operations of passkeys and security keys take. @throws validation_failed */
export function webAuthnBody(fields: (name: string) => string): JsonObject {
  try {
    const credential = JSON.parse(fields("credential")) as JsonObject;
    return { challenge_id: fields("challenge_id"), credential };
  } catch {
    throw authErrors.validation_failed("The authenticator's answer did not arrive whole");
  }
}
