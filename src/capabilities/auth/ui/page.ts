/**
 * From an operation of the pages to an answer: the shell around each page, its headers, and pages for
 * errors. The policy allows our own style sheet, script and pictures and nothing else, but for a captcha's
 * widget on the pages that show it; forms go to us.
 */
import { contextOf } from "../../../core/context.ts";
import { ReactorError } from "../../../core/errors.ts";
import { reportError, toReactorError } from "../../../core/http.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { type BrowserVisitor, browserCaller, browserVisitor } from "./browser-session.ts";
import { captchaWidget } from "./captcha.ts";
import { CSRF_FIELD, checkCsrf, csrfFor } from "./csrf.ts";
import { type Errand, readErrand } from "./errand.ts";
import type { Fault } from "./form-parts.ts";
import { type Child, type Html, html } from "./html.ts";
import { type Form, readForm } from "./read-form.ts";

/**
 * A page that leads away. Not a redirect: browsers apply `form-action` to redirects after a form, and
 * where people are led is not known when the form is shown. It works without scripts.
 */
export function onward(url: string, where: string): Page {
  return {
    title: "One moment",
    refresh: url,
    body: html`<p>You are on your way to ${where}.</p>
${wayOn(url)}`,
  };
}

/**
 * The same for an app that others could pose as (RFC 8252 §8.6): any app may claim a scheme and open
 * this page in a browser that is signed in, but not press its button.
 */
export function onwardIfMeant(url: string, who: string): Page {
  return {
    title: "Sign in to the app?",
    body: html`<p>An app on this device asks to be signed in as <strong>${who}</strong>. Go on only if you have just
started this yourself.</p>
${wayOn(url)}`,
  };
}

function wayOn(url: string): Html {
  if (NEVER.test(url)) throw new Error("a way on that would run in our page");
  return html`<p><a class="button" href="${url}">Continue</a></p>`;
}

const NEVER = /^\s*(?:javascript|data|vbscript|blob|file|about):/i;

/** What a page's operation knows of who came. */
export interface Visit {
  readonly state: AuthState;
  readonly request: Request;
  readonly caller: Caller;
  readonly query: URLSearchParams;
  readonly errand: Errand;
  /** The token for forms. */
  readonly csrf: string;
  /** Who is signed in here; null = nobody. */
  readonly current: BrowserVisitor | null;
  /** Who still has to show their second factor; null = nobody. */
  readonly pending: BrowserVisitor | null;
}

/** A page, or where to go instead; `cookies` are `Set-Cookie` values. */
export type Page =
  | {
      readonly title: string;
      readonly body: Child;
      readonly status?: number;
      /** The page has something for the script of passkeys. */
      readonly script?: boolean;
      /** A form of the page holds `captchaField`. */
      readonly captcha?: boolean;
      /** Wider than a form: lists. */
      readonly wide?: boolean;
      /** Where the browser goes from here by itself. */
      readonly refresh?: string;
      readonly cookies?: readonly string[];
    }
  | { readonly redirect: string; readonly cookies?: readonly string[] };

/** One address of the pages. */
export interface PageRoute {
  readonly path: `/auth/ui${string}`;
  readonly show?: (visit: Visit) => Promise<Page> | Page;
  readonly take?: (visit: Visit, form: Form) => Promise<Page> | Page;
}

const POLICY: Readonly<Record<string, string>> = {
  "default-src": "'none'",
  "style-src": "'self'",
  "script-src": "'self'",
  // Pictures in the page itself (the QR code of an authenticator app) run nothing.
  "img-src": "'self' data:",
  "form-action": "'self'",
  "base-uri": "'none'",
  "frame-ancestors": "'none'",
};

/** @param more sources by directive, beside those of every page */
function policyWith(more: Readonly<Record<string, string>>): string {
  const names = new Set([...Object.keys(POLICY), ...Object.keys(more)]);
  return [...names]
    .map((name) => [name, POLICY[name], more[name]].filter(Boolean).join(" "))
    .join("; ");
}

const HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "Content-Security-Policy": policyWith({}),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy":
    "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self), publickey-credentials-create=(self)",
  // Not `no-referrer`: with it browsers send `Origin: null` with our own forms (Fetch §3.2).
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
} as const;

/** Answers a GET with what `work` makes. */
export function showPage(
  state: AuthState,
  request: Request,
  work: (visit: Visit) => Promise<Page> | Page,
): Promise<Response> {
  return answer(state, request, work);
}

/** Answers a POST of one of our forms; one that is not is refused before anything happens. */
export function takeForm(
  state: AuthState,
  request: Request,
  work: (visit: Visit, form: Form) => Promise<Page> | Page,
): Promise<Response> {
  return answer(state, request, async (visit) => {
    const form = await readForm(request);
    await checkCsrf(state, request, form(CSRF_FIELD));
    return work(visit, form);
  });
}

async function answer(
  state: AuthState,
  request: Request,
  work: (visit: Visit) => Promise<Page> | Page,
): Promise<Response> {
  const cookies: string[] = [];
  try {
    const url = new URL(request.url);
    const csrf = await csrfFor(state, request);
    if (csrf.cookie !== null) cookies.push(csrf.cookie);
    const visitor = await browserVisitor(state, request);
    const current = visitor?.isPending === false ? visitor : null;
    const pending = visitor?.isPending === true ? visitor : null;
    const errand = readErrand(url.searchParams);
    const caller = browserCaller(request);
    const query = url.searchParams;
    const visit = { state, request, caller, query, errand, csrf: csrf.token, current, pending };
    return toResponse(state, await work(visit), cookies);
  } catch (error) {
    const known = toReactorError(error, contextOf(request).originalPath);
    reportError(request, known);
    return toResponse(state, errorPage(known), cookies, known.headers);
  }
}

/** For what no form can answer: there is nothing of the person's to keep. */
function errorPage({ status, message, hint }: ReactorError): Page {
  return {
    status,
    title: status >= 500 ? "Something went wrong" : "That did not work",
    body: html`<p role="alert">${sentence(message)}</p>
${status < 500 && hint ? html`<p>${sentence(hint)}</p>` : null}
<p><a href="/auth/ui/sign-in">Back to the start</a></p>`,
  };
}

function toResponse(
  state: AuthState,
  page: Page,
  before: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = new Headers({ ...HEADERS, ...more });
  for (const cookie of [...before, ...(page.cookies ?? [])]) headers.append("Set-Cookie", cookie);
  if ("redirect" in page) {
    headers.delete("Content-Type");
    headers.set("Location", page.redirect);
    return new Response(null, { status: 303, headers });
  }
  const widget = page.captcha ? captchaWidget(state) : null;
  if (widget) headers.set("Content-Security-Policy", policyWith(widget.sources));
  const { markup } = shell(state, page);
  return new Response(`<!doctype html>\n${markup}\n`, { status: page.status ?? 200, headers });
}

function shell(state: AuthState, page: Extract<Page, { title: string }>): Html {
  const { name, logo, css } = state.config.ui;
  const { title, body, script, wide, refresh } = page;
  const widget = page.captcha ? captchaWidget(state) : null;
  return html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · ${name}</title>
<link rel="icon" href="${logo === "" ? "data:," : "/auth/ui/_assets/logo"}">
<link rel="stylesheet" href="/auth/ui/_assets/pages.css">
${refresh ? html`<meta http-equiv="refresh" content="0;url=${refresh}">` : null}
${css === "" ? null : html`<link rel="stylesheet" href="/auth/ui/_assets/theme.css">`}
${script ? html`<script src="/auth/ui/_assets/passkeys.js" defer></script>` : null}
${widget ? html`<script src="${widget.script}" async defer></script>` : null}
</head>
<body>
<header class="brand">${
    logo === "" ? null : html`<img src="/auth/ui/_assets/logo" alt="" height="40">`
  }<span>${name}</span></header>
<main class="${wide ? "wide" : "narrow"}">
<h1>${title}</h1>
${body}
</main>
</body>
</html>`;
}

const NOT_SOLVED =
  "It could not be checked that a person sends this. Please solve the task above the button, and send it again.";

/** The input a refusal is about, by its code. */
const FIELD_OF: Readonly<Record<string, string>> = {
  weak_password: "password",
  same_password: "password",
  email_exists: "email",
  user_already_exists: "email",
  email_address_invalid: "email",
};

/**
 * Runs what a form asked for; what it refuses becomes a fault of the form, so that the person can
 * mend it. Faults of ours (500 and above) and requests that are none of a form's are thrown on.
 */
export async function attempt<T>(work: () => Promise<T>): Promise<{ done: T } | { fault: Fault }> {
  try {
    return { done: await work() };
  } catch (error) {
    if (!(error instanceof ReactorError) || error.status >= 500) throw error;
    const { status, code } = error;
    const message = code === "captcha_failed" ? NOT_SOLVED : sentence(error.message);
    return { fault: { status, message, field: FIELD_OF[code] ?? null } };
  }
}

/** Messages of the contract begin and end as GoTrue's do. */
function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
