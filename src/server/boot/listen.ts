/** Opens the listeners and tells where they are. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../core/config/config.ts";
import type { ServerConfig } from "../../core/config/sections.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { StartupError } from "../../core/startup-error.ts";
import { removeServerFile, writeServerFile } from "../data-folder.ts";
import type { Edge } from "../edge/edge.ts";
import { type Certificate, type Listener, listenTcp, listenUnix } from "../listeners.ts";
import { GATEWAY_SOCKET } from "./runtime-dir.ts";
import type { BootSteps } from "./steps.ts";

export interface Listening {
  /** Where clients reach the server: the first listener's. */
  readonly url: string;
  readonly urls: readonly string[];
  /** Reads the certificate files again and swaps them in without dropping a connection. */
  reloadCertificates(): Promise<void>;
}

export interface ListenOptions {
  readonly config: Config;
  readonly edge: Edge;
  readonly gatewayEdge: Edge;
  readonly runtimeDir: string;
  readonly steps: BootSteps;
}

export async function listen(options: ListenOptions): Promise<Listening> {
  const server = options.config.section<ServerConfig>("server");
  const shared = {
    edge: options.edge,
    idleTimeoutS: server.idle_timeout_s,
    bodyBytesMax: server.max_body_bytes,
  };
  const certificates = await readCertificates(server);
  const gateway = listenUnix({
    ...shared,
    edge: options.gatewayEdge,
    path: join(options.runtimeDir, GATEWAY_SOCKET),
  });
  drainAtEnd(gateway, options);
  const tcp = openTcp(
    () => listenTcp({ ...shared, host: server.host, port: server.port, certificates }),
    server,
  );
  drainAtEnd(tcp, options);
  return {
    url: tcp.url,
    urls: [tcp.url],
    reloadCertificates: async () => tcp.swapCertificates(await readCertificates(server)),
  };
}

function drainAtEnd(listener: Listener, options: ListenOptions): void {
  options.steps.onClose(listener.url, (budgetMs) => drain(listener, budgetMs, options));
}

/** Stops accepting, waits for what is in flight, then cuts what is left. */
async function drain(listener: Listener, budgetMs: number, options: ListenOptions): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const cancel = options.steps.clock.after(budgetMs, resolve);
  await Promise.race([listener.drain(), late]);
  cancel();
  await listener.close();
}

async function readCertificates({ tls }: ServerConfig): Promise<Certificate[]> {
  if (tls.cert === "" && tls.key === "") return [];
  try {
    const [cert, key] = await Promise.all([readFile(tls.cert, "utf8"), readFile(tls.key, "utf8")]);
    return [{ cert, key }];
  } catch (cause) {
    throw new StartupError({
      code: "certificate_unreadable",
      message: `The certificate cannot be read: ${(cause as Error).message}`,
      hint: "Set both [server.tls] cert and key to PEM files this user may read",
      exitCode: 2,
      cause,
    });
  }
}

function openTcp(open: () => Listener, server: ServerConfig): Listener {
  try {
    return open();
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? "";
    throw new StartupError({
      code: "listen_failed",
      message: `${server.host}:${server.port} cannot be listened on: ${reasonOf(code, cause)}`,
      hint: "Choose another with --port (0 takes any free one) and --host",
      exitCode: 2,
      cause,
    });
  }
}

function reasonOf(code: string, cause: unknown): string {
  if (code === "EADDRINUSE") return "another program does already";
  if (code === "EACCES") return "ports below 1024 need privileges";
  if (code === "EADDRNOTAVAIL") return "this machine does not have that address";
  return (cause as Error).message;
}

export interface AnnounceOptions {
  readonly dataDir: string;
  readonly adminToken: string;
  readonly version: string;
  readonly clock: Clock;
  readonly listening: Listening;
  readonly steps: BootSteps;
}

/** Writes `server.json`, by which other programs find this server; removes it at the end. */
export async function announce(options: AnnounceOptions): Promise<void> {
  await writeServerFile(options.dataDir, {
    url: options.listening.url,
    pid: process.pid,
    admin_token: options.adminToken,
    version: options.version,
    started_at: new Date(options.clock.now()).toISOString(),
  });
  options.steps.onClose("server.json", () => removeServerFile(options.dataDir));
}
