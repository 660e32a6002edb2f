/**
 * The inbox of development: the latest messages as pages and as JSON. They carry links that sign
 * people in, so only this machine sees them in `reactor dev`, and the secret key anywhere.
 */
import { contextOf } from "../../../core/context.ts";
import { coreErrors } from "../../../core/errors.ts";
import { isLocal, namesLoopback } from "../../../core/local.ts";
import type { KeptMessage } from "../../../core/ports/mail.ts";
import type { AuthState } from "../auth-state.ts";
import { serviceCaller } from "../http/caller.ts";
import type { Reply } from "../http/respond.ts";
import { type Html, html } from "../ui/html.ts";

const CSS =
  "body{font:15px/1.5 system-ui,sans-serif;max-width:720px;margin:32px auto;padding:0 16px;color:#1a1a1a}" +
  "a{color:#0b57d0}ul{list-style:none;padding:0}li{padding:12px 0;border-top:1px solid #ddd}" +
  "small{color:#666}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f5f5;padding:16px}" +
  "iframe{width:100%;height:480px;border:1px solid #ddd}";

const hash = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("base64");

const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${hash(CSS)}'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "Cross-Origin-Resource-Policy": "same-origin",
  // The links of messages carry tokens; where they lead must not learn where they came from.
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
} as const;

/** A message is somebody's markup: no script, nothing from elsewhere, links only into new tabs. */
const MESSAGE_HEADERS = {
  ...PAGE_HEADERS,
  "Content-Security-Policy":
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'",
} as const;

/** @throws no_authorization, not_admin; not_found where nothing is kept */
async function messagesFor(state: AuthState, request: Request): Promise<readonly KeptMessage[]> {
  const context = contextOf(request);
  if (!isDeveloper(state, request)) await serviceCaller(request);
  const { inbox } = state.deps.mail;
  if (inbox) return inbox.list(context.tenant);
  throw coreErrors.not_found(context.originalPath);
}

/** On loopback by a name only this machine has; another site's page gets no further than showing it. */
function isDeveloper(state: AuthState, request: Request): boolean {
  const { headers } = request;
  const site = headers.get("sec-fetch-site") ?? "none";
  const isOwn =
    ["none", "same-origin"].includes(site) || headers.get("sec-fetch-dest") === "document";
  return (
    state.deps.server.development &&
    isLocal(contextOf(request), headers) &&
    namesLoopback(headers) &&
    isOwn
  );
}

/** Newest first. */
export async function listMessages(state: AuthState, request: Request): Promise<Reply> {
  return { body: { messages: [...(await messagesFor(state, request))].reverse() } };
}

export async function showInbox(state: AuthState, request: Request): Promise<Response> {
  const messages = [...(await messagesFor(state, request))].reverse();
  const rows = messages.map(
    (one) =>
      html`<li><a href="/auth/ui/_inbox/${one.id}">${titleOf(one)}</a><br><small>${one.to} · ${one.at}</small></li>`,
  );
  const empty = html`<p>No message yet. What this server sends to people appears here.</p>`;
  const body = messages.length === 0 ? empty : html`<ul>${rows}</ul>`;
  return page("Inbox", html`<h1>Inbox</h1>${body}`, html`<meta http-equiv="refresh" content="5">`);
}

export async function answerMessage(
  state: AuthState,
  request: Request,
  id: string,
): Promise<Response> {
  const message = await findMessage(state, request, id);
  const frame =
    message.html === undefined
      ? null
      : html`<iframe title="Message" sandbox="allow-popups allow-popups-to-escape-sandbox" src="/auth/ui/_inbox/${id}/html"></iframe>`;
  return page(
    titleOf(message),
    html`<p><a href="/auth/ui/_inbox">Inbox</a></p><h1>${titleOf(message)}</h1>
<p><small>To ${message.to} · ${message.at}</small></p><pre>${linked(message.text)}</pre>${frame}`,
  );
}

export async function answerMessageHtml(
  state: AuthState,
  request: Request,
  id: string,
): Promise<Response> {
  const message = await findMessage(state, request, id);
  const text = `<base target="_blank">${message.html ?? ""}`;
  return new Response(text, { headers: MESSAGE_HEADERS });
}

async function findMessage(state: AuthState, request: Request, id: string): Promise<KeptMessage> {
  const found = (await messagesFor(state, request)).find((one) => one.id === id);
  if (found) return found;
  throw coreErrors.not_found(contextOf(request).originalPath);
}

const titleOf = ({ channel, subject, text }: KeptMessage) =>
  channel === "sms" ? `SMS: ${text}` : subject;

/** Plain text whose addresses can be followed. */
function linked(text: string): Html[] {
  return text
    .split(/(https?:\/\/[^\s<>"]+)/)
    .map((part, at) =>
      at % 2 === 0
        ? html`${part}`
        : html`<a href="${part}" target="_blank" rel="noreferrer">${part}</a>`,
    );
}

function page(title: string, body: Html, head: Html | null = null): Response {
  // Its hash is in the policy, so it stands here as it is.
  const style = `<style>${CSS}</style>`;
  const { markup } =
    html`<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>${head}`;
  const text = `<!doctype html><html lang="en"><head>${markup}${style}</head><body>${body.markup}</body></html>`;
  return new Response(text, { headers: PAGE_HEADERS });
}
