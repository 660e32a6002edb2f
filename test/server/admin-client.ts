/** `/_admin` of a server under test, called as the command line does. */
import type { TestServer } from "../support/server.ts";

export interface Part {
  readonly name: string;
  readonly sha256: string;
  readonly size_bytes: number;
}

export interface DeployBody {
  readonly dry_run?: boolean;
  readonly whole?: boolean;
  readonly migrations?: readonly Part[];
  readonly sections?: Readonly<Record<string, readonly (Part & { settings: object })[]>>;
}

export interface DeployAnswer {
  readonly deploy_id: string;
  readonly status: string;
  readonly missing: readonly string[];
  readonly phases: readonly {
    readonly section: string;
    readonly status: string;
    readonly changes: readonly { name: string; action: string; version: string }[];
    readonly error: { code: string; message: string } | null;
  }[];
}

export const sha256Of = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex");

export const partOf = (name: string, text: string): Part => ({
  name,
  sha256: sha256Of(text),
  size_bytes: Buffer.byteLength(text),
});

/** A TypeScript function, already bundled. */
export const functionOf = (name: string, code: string, settings: object = {}) => ({
  ...partOf(name, code),
  settings: { runtime: "bun", ...settings },
});

export function adminOf(server: TestServer) {
  const send = (method: string, path: string, init: RequestInit = {}, token = server.adminToken) =>
    fetch(`${server.url}/_admin${path}`, {
      ...init,
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(typeof init.body === "string" ? { "content-type": "application/json" } : {}),
      },
    });
  const json = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await send(method, path, init);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  return {
    send,
    json,
    deploy: (body: DeployBody) => json<DeployAnswer>("POST", "/deploy", body),
    upload: (text: string, sum = sha256Of(text)) =>
      send("PUT", `/deploy/parts/${sum}`, { body: new TextEncoder().encode(text) }),
    /** Names and statuses of `GET /_admin/doctor`. */
    async doctor() {
      const report = await json<{
        status: string;
        checks: { name: string; status: string; message: string; hint: string | null }[];
      }>("GET", "/doctor");
      return { ...report, check: (name: string) => report.checks.find((c) => c.name === name) };
    },
  };
}
