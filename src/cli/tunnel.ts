/**
 * Reaches a server that answers administration on its own machine only: starts `ssh -N -L` and ends
 * that very process afterwards.
 */
import { CliError } from "./cli-error.ts";
import type { CliHost } from "./host.ts";

const OPEN_TIMEOUT_MS = 20_000;
const POLL_MS = 50;
/** Neither may begin with `-`, which ssh would read as an option. */
const SSH_TARGET =
  /^ssh:\/\/(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?\/?$/;

export interface Tunnel {
  /** The server's URL as seen through the tunnel. */
  readonly url: string;
  close(): void;
}

/** The ssh command line for a tunnel. @throws CliError `invalid_argument` */
export function tunnelCommand(tunnel: string, url: string, localPort: number, ask: boolean) {
  const match = SSH_TARGET.exec(tunnel);
  if (!match) {
    const hint = "Write it like --tunnel ssh://user@example.com";
    throw new CliError("user", "invalid_argument", `'${tunnel}' is not an SSH address`, hint);
  }
  const [, user, host = "", port] = match;
  const there = new URL(url);
  const therePort = there.port || (there.protocol === "https:" ? "443" : "80");
  return [
    "ssh",
    "-N",
    "-T",
    ...["-o", "ExitOnForwardFailure=yes"],
    ...["-o", `BatchMode=${ask ? "no" : "yes"}`],
    ...(port === undefined ? [] : ["-p", port]),
    ...["-L", `127.0.0.1:${localPort}:${there.hostname}:${therePort}`],
    "--",
    `${user === undefined ? "" : `${user}@`}${host.replace(/^\[|\]$/g, "")}`,
  ];
}

/** @throws CliError `tunnel_failed` (exit 6) */
export async function openTunnel(host: CliHost, tunnel: string, url: string): Promise<Tunnel> {
  const port = freePort();
  const command = tunnelCommand(tunnel, url, port, host.terminal.stdin.isTerminal);
  const child = startSsh(command);
  const failed = (why: string) =>
    new CliError(
      "network",
      "tunnel_failed",
      why,
      `Try the connection: ssh ${command.at(-1) ?? ""}`,
    );
  const deadline = host.clock.monotonic() + OPEN_TIMEOUT_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw failed(`ssh ended with exit code ${child.exitCode}`);
    if (host.clock.monotonic() > deadline || host.terminal.interrupted.aborted) {
      child.kill();
      throw failed("The SSH tunnel did not open in time");
    }
    await host.clock.sleep(POLL_MS);
  }
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = String(port);
  return { url: through.href.replace(/\/+$/, ""), close: () => child.kill() };
}

function startSsh(command: string[]) {
  try {
    return Bun.spawn(command, { stdin: "inherit", stdout: "ignore", stderr: "inherit" });
  } catch {
    throw new CliError(
      "network",
      "tunnel_failed",
      "The program ssh is not installed",
      "Install an OpenSSH client",
    );
  }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
