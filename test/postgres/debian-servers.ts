/**
 * An external PostgreSQL (TCP, TLS, passwords) and a pgbouncer from the distribution's packages:
 * what the embedded server cannot stand for. Each lives in a folder of its own and ends with `stop`.
 */
import { existsSync, readdirSync } from "node:fs";
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../support/until.ts";

const PACKAGES = "apt-get install postgresql pgbouncer openssl";

export interface ExternalPostgres {
  readonly dir: string;
  readonly port: number;
  /** Superuser over the Unix socket, without a password. */
  readonly adminUrl: string;
  /** `postgresql://user:password@localhost:port/database?params`, over TCP. */
  url(user: string, password: string, parameters?: string, host?: string): string;
  /** PEM file of the authority that signed the server's certificate for `localhost`. */
  readonly caFile: string;
  stop(): Promise<void>;
}

/** Fails with what to install when the package is missing. */
function postgresBinary(name: string): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).map(Number) : [];
  versions.sort((left, right) => left - right);
  for (const version of versions) {
    const path = `${root}/${version}/bin/${name}`;
    if (existsSync(path)) return path;
  }
  throw new Error(`these tests need ${name} in ${root}: ${PACKAGES}`);
}

function pgbouncerBinary(): string {
  const path = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].find((found) => existsSync(found));
  if (!path) throw new Error(`these tests need pgbouncer: ${PACKAGES}`);
  return path;
}

/** PostgreSQL refuses to run as root: then it runs as the package's user. */
async function serverIdentity(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const line = (await readFile("/etc/passwd", "utf8"))
    .split("\n")
    .find((row) => /^postgres:/.test(row));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (!uid || !gid) throw new Error(`these tests need the user postgres: ${PACKAGES}`);
  return { uid: Number(uid), gid: Number(gid) };
}

async function run(command: readonly string[], identity = {}): Promise<void> {
  const child = Bun.spawn([...command], {
    ...identity,
    cwd: "/",
    stdout: "ignore",
    stderr: "pipe",
  });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${command[0]}: ${complaint}`);
}

async function makeCertificates(dir: string): Promise<void> {
  const file = (name: string) => join(dir, name);
  const key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
  await run([
    "openssl",
    "req",
    "-x509",
    ...key,
    "-subj",
    "/CN=test authority",
    "-addext",
    "basicConstraints=critical,CA:TRUE",
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.crt"),
  ]);
  await run([
    "openssl",
    "req",
    "-x509",
    ...key,
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost",
    "-addext",
    "basicConstraints=critical,CA:FALSE",
    "-CA",
    file("ca.crt"),
    "-CAkey",
    file("ca.key"),
    "-keyout",
    file("server.key"),
    "-out",
    file("server.crt"),
  ]);
  await chmod(file("server.key"), 0o600);
}

const HBA = `
local all all trust
hostnossl all plain_user 127.0.0.1/32 password
host all md5_user 127.0.0.1/32 md5
hostssl all all 127.0.0.1/32 scram-sha-256
`;

/** A server on a free port of 127.0.0.1 with a certificate for `localhost`. */
export async function startExternalPostgres(
  more: Readonly<Record<string, string>> = {},
): Promise<ExternalPostgres> {
  const dir = await mkdtemp(join(tmpdir(), "reactor-external-"));
  const identity = await serverIdentity();
  const port = await freePort();
  await makeCertificates(dir);
  if (identity.uid !== undefined && identity.gid !== undefined) {
    await chown(dir, identity.uid, identity.gid);
    await chown(join(dir, "server.key"), identity.uid, identity.gid);
  }
  await chmod(dir, 0o755);
  const data = join(dir, "data");
  await run(
    [postgresBinary("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N"],
    identity,
  );
  await writeFile(join(data, "pg_hba.conf"), HBA);
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: dir,
    fsync: "off",
    ssl: "on",
    ssl_cert_file: join(dir, "server.crt"),
    ssl_key_file: join(dir, "server.key"),
    wal_level: "logical",
    ...more,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = Bun.spawn([postgresBinary("postgres"), "-D", data, ...flags], {
    ...identity,
    cwd: "/",
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until("the external server is ready", () => isReady(data));
  return {
    dir,
    port,
    adminUrl: `postgresql://postgres@/postgres?host=${dir}&port=${port}`,
    url: (user, password, parameters = "", host = "localhost") =>
      `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/postgres?${parameters}`,
    caFile: join(dir, "ca.crt"),
    async stop() {
      child.kill("SIGINT");
      await child.exited;
      await rm(dir, { recursive: true });
    },
  };
}

async function isReady(data: string): Promise<boolean> {
  const text = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
  return text.split("\n")[7]?.startsWith("ready") === true;
}

/** A pooler in transaction mode in front of the server; passwords are the server's own. */
export async function startPgbouncer(
  server: ExternalPostgres,
  users: Readonly<Record<string, string>>,
): Promise<{ port: number; stop(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "reactor-pgbouncer-"));
  const identity = await serverIdentity();
  const port = await freePort();
  const list = Object.entries(users).map(([name, password]) => `"${name}" "${password}"\n`);
  await writeFile(join(dir, "users.txt"), list.join(""));
  await writeFile(
    join(dir, "pgbouncer.ini"),
    `[databases]
* = host=${server.dir} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${dir}/users.txt
pool_mode = transaction
default_pool_size = 2
`,
  );
  await chmod(dir, 0o755);
  const child = Bun.spawn([pgbouncerBinary(), "-q", join(dir, "pgbouncer.ini")], {
    ...identity,
    cwd: "/",
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until("pgbouncer listens", () => canConnect(port));
  return {
    port,
    async stop() {
      child.kill("SIGINT");
      await child.exited;
      await rm(dir, { recursive: true });
    },
  };
}

async function canConnect(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { data: () => undefined },
    });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
