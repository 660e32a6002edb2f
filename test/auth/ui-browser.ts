/** A browser as far as the pages need one without a screen: a jar of cookies, forms, redirects. */
import type { AuthWorld } from "./auth-world.ts";

export const ORIGIN = "http://localhost";

export interface View {
  readonly status: number;
  readonly html: string;
  /** `Location` of a redirect; null when the answer is a page. */
  readonly location: string | null;
  readonly headers: Headers;
}

export interface UiBrowser {
  readonly cookies: Map<string, string>;
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<View>;
  /** Opens `path`, then sends its form whose action is `action` (default: the page's own). */
  submit(
    path: string,
    fields: Readonly<Record<string, string>>,
    options?: { readonly action?: string; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<View>;
  /** Sends a body as it is. */
  post(path: string, body: string, headers?: Readonly<Record<string, string>>): Promise<View>;
  csrf(path: string): Promise<string>;
}

export function openUiBrowser(world: AuthWorld): UiBrowser {
  const cookies = new Map<string, string>();
  const send = async (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<View> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const all = { ...(cookie === "" ? {} : { cookie }), ...headers };
    const answer = await world.send(method, path, { headers: all, body });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0/.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return {
      status: answer.status,
      html: typeof answer.body === "string" ? answer.body : "",
      location: answer.headers.get("location"),
      headers: answer.headers,
    };
  };
  const form = {
    "content-type": "application/x-www-form-urlencoded",
    origin: ORIGIN,
    "sec-fetch-site": "same-origin",
  };
  const browser: UiBrowser = {
    cookies,
    open: (path, headers = {}) => send("GET", path, headers),
    post: (path, body, headers = {}) => send("POST", path, { ...form, ...headers }, body),
    async csrf(path) {
      const { html, status } = await browser.open(path);
      const token = /name="csrf_token" value="([^"]+)"/.exec(html)?.[1];
      if (!token) throw new Error(`no form at ${path} (${status}): ${html.slice(0, 2000)}`);
      return token;
    },
    async submit(path, fields, { action, headers } = {}) {
      const token = await browser.csrf(path);
      const body = new URLSearchParams({ csrf_token: token, ...fields }).toString();
      return browser.post(action ?? path, body, headers);
    },
  };
  return browser;
}
