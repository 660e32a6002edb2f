/** A browser in which somebody signs in through a provider: cookies of both servers, redirects. */
import type { AuthWorld } from "./auth-world.ts";

const ORIGIN = "http://localhost";

export class ProviderBrowser {
  readonly #world: AuthWorld;
  /** Origin -> name -> value. */
  readonly #jar = new Map<string, Map<string, string>>();

  constructor(world: AuthWorld) {
    this.#world = world;
  }

  cookie(name: string): string | undefined {
    return this.#jar.get(ORIGIN)?.get(name);
  }

  forget(): void {
    this.#jar.delete(ORIGIN);
  }

  /** `GET` of a path of ours, from a page; where it redirects to. */
  async visit(
    path: string,
    bearer?: string,
    from?: string,
  ): Promise<{ status: number; location: string; body: unknown }> {
    const referer = from === undefined ? {} : { referer: from };
    const { status, headers, body } = await this.#world.send("GET", path, {
      headers: { cookie: this.#cookies(ORIGIN), ...referer },
      ...(bearer === undefined ? {} : { bearer }),
    });
    this.#keep(ORIGIN, headers);
    return { status, location: headers.get("location") ?? "", body };
  }

  /** Follows the provider's pages from `url` until it sends the browser to an address of ours. */
  async atProvider(url: string): Promise<string> {
    let at = new URL(url);
    for (let hops = 0; hops < 20; hops += 1) {
      if (at.origin === ORIGIN) return `${at.pathname}${at.search}`;
      const answer = await fetch(at, {
        redirect: "manual",
        headers: { cookie: this.#cookies(at.origin) },
      });
      this.#keep(at.origin, answer.headers);
      const next = answer.headers.get("location");
      if (next === null)
        throw new Error(`${at.href} answered ${answer.status}: ${await answer.text()}`);
      await answer.body?.cancel();
      at = new URL(next, at);
    }
    throw new Error("the provider redirects without end");
  }

  /** The whole way: out, through the provider, back. Where the app finds itself. */
  async signIn(query: Record<string, string>): Promise<URL> {
    const { location, body } = await this.visit(`/auth/v1/authorize?${new URLSearchParams(query)}`);
    if (location === "") throw new Error(`/authorize answered ${JSON.stringify(body)}`);
    const back = await this.atProvider(location);
    return new URL((await this.visit(back)).location);
  }

  #cookies(origin: string): string {
    const jar = this.#jar.get(origin) ?? new Map<string, string>();
    return [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  #keep(origin: string, headers: Headers): void {
    const jar = this.#jar.get(origin) ?? new Map<string, string>();
    for (const line of headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      const value = pair.slice(at + 1);
      if (value === "") jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), value);
    }
    this.#jar.set(origin, jar);
  }
}

/** The members of an address's fragment. */
export const fragmentOf = (url: URL) => Object.fromEntries(new URLSearchParams(url.hash.slice(1)));
