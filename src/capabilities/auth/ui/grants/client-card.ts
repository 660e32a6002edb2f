/** Who asks for access, and for what, in words. Pictures of clients are not shown: they come from elsewhere. */
import type { AuthState } from "../../auth-state.ts";
import type { ClientSummary } from "../../issuer/clients/present-client.ts";
import { parseScopes } from "../../issuer/scopes.ts";
import { type Html, html } from "../html.ts";

const MEANINGS: Readonly<Record<string, string>> = {
  openid: "Know who you are",
  profile: "See your name and other parts of your profile",
  email: "See your e-mail address",
  phone: "See your phone number",
  offline_access: "Stay connected when you are away, until you end it",
};

/** What to call the client; a name it did not give, or one that fills the page, says nothing. */
export function clientName({ name }: ClientSummary): string {
  return name.trim() === "" ? "an app without a name" : name.slice(0, 80);
}

/** Each scope in words; one of the project's own by its name; and what no scope limits. */
export function scopeList({
  scope,
  full_access: isFull,
}: {
  readonly scope: string;
  readonly full_access: boolean;
}): Html {
  const items = parseScopes(scope).map((name) => {
    const meaning = MEANINGS[name];
    return meaning ? html`<li>${meaning}</li>` : html`<li><code>${name}</code></li>`;
  });
  const all = isFull ? html`<li>See and change in this app whatever you can yourself</li>` : null;
  return html`<ul>${items}${all}</ul>`;
}

/** What is known of the client, and what is only claimed. */
export function clientNotice(
  { client, isUnvouched }: { client: ClientSummary; isUnvouched: boolean },
  state: AuthState,
): Html {
  const site = URL.parse(client.uri)?.host;
  return html`${site ? html`<p>It says that its home is <code>${site}</code>.</p>` : null}
${
  isUnvouched
    ? html`<p class="notice danger">This app registered itself. Nobody at ${state.config.ui.name} has checked its
name. Go on only if you have just started this yourself.</p>`
    : null
}`;
}
