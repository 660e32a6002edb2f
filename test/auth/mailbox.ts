/** Reads what a world of `auth-world.ts` sent, as the person who gets it would. */
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import type { AuthWorld } from "./auth-world.ts";

export interface Received {
  readonly subject: string;
  readonly text: string;
  /** Six digits, "" when there are none. */
  readonly code: string;
  /** Path and query of the link, "" when there is none. */
  readonly link: string;
  /** Of the link. */
  readonly tokenHash: string;
}

/** All messages to an address or number, oldest first. */
export function messagesTo(world: AuthWorld, to: string): Received[] {
  const kept = world.mail.inbox.list(DEFAULT_TENANT).filter((one) => one.to === to);
  return kept.map(({ subject, text }) => {
    const url = /https?:\/\/\S+\/auth\/v1\/verify\?\S+/.exec(text)?.[0] ?? "";
    const withoutLink = text.replace(url, "");
    return {
      subject,
      text,
      code: /\b\d{6}\b/.exec(withoutLink)?.[0] ?? "",
      link: url === "" ? "" : url.slice(new URL(url).origin.length),
      tokenHash: url === "" ? "" : (new URL(url).searchParams.get("token") ?? ""),
    };
  });
}

export function lastTo(world: AuthWorld, to: string): Received {
  const last = messagesTo(world, to).at(-1);
  if (!last) throw new Error(`nothing was sent to ${to}`);
  return last;
}

export interface Landed {
  readonly status: number;
  /** Without query and fragment. */
  readonly page: string;
  readonly query: URLSearchParams;
  readonly fragment: URLSearchParams;
}

/** Opens a link as a browser does, as far as the redirect. */
export async function follow(world: AuthWorld, link: string): Promise<Landed> {
  const { status, headers } = await world.send("GET", link);
  const url = new URL(headers.get("location") ?? "about:blank");
  return {
    status,
    page: `${url.origin === "null" ? url.protocol : url.origin}${url.pathname}`,
    query: url.searchParams,
    fragment: new URLSearchParams(url.hash.slice(1)),
  };
}
