/**
 * Reads libpq connection URLs (PostgreSQL documentation, "Connection URIs") once, for our wire
 * client and for postgres.js, so that both reach the same server in the same way. Neither `PG*`
 * variables nor service files count: what the configuration says is all there is.
 */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { defineErrors } from "../core/errors.ts";

type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";
const SSL_MODES: readonly string[] = [
  "disable",
  "allow",
  "prefer",
  "require",
  "verify-ca",
  "verify-full",
];
const KNOWN = new Set(
  ["host", "port", "user", "password", "dbname", "application_name", "connect_timeout", "options"] //
    .concat(["sslmode", "sslrootcert", "sslcert", "sslkey"]),
);

export interface DatabaseAddress {
  /** A host name, an IP address, or an absolute folder that holds the Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Full path of the Unix socket, null for TCP. */
  readonly socketPath: string | null;
  readonly user: string;
  readonly password: string | null;
  readonly database: string;
  readonly sslMode: SslMode;
  /** PEM file, or `system` for the built-in authorities. */
  readonly sslRootCert: string | null;
  readonly sslCert: string | null;
  readonly sslKey: string | null;
  readonly applicationName: string;
  /** The `options` start parameter (`-c search_path=…`), null when absent. */
  readonly options: string | null;
  readonly connectTimeoutMs: number;
  /** Names of parameters in the URL that have no effect here. */
  readonly ignored: readonly string[];
}

const errors = defineErrors({
  database_url_invalid: (what: string) => ({
    status: 500,
    message: "database.url cannot be used",
    details: what,
    hint: "Write postgresql://user:password@host:5432/database, or ?host=/folder for a Unix socket",
  }),
  database_certificate_unreadable: (path: string, cause: unknown) => ({
    status: 500,
    message: `The certificate file ${path} of database.url cannot be read`,
    cause,
  }),
});

/** Throws `database_url_invalid`; no message ever holds the password. */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  const { authority, path, query } = splitUrl(url);
  const at = authority.lastIndexOf("@");
  const [urlUser, urlPassword] = splitOnce(at < 0 ? "" : authority.slice(0, at), ":");
  const [urlHost, urlPort] = splitHost(authority.slice(at + 1));
  const text = (name: string, fallback: string) => query.get(name) || decode(fallback);
  const host = text("host", urlHost) || "localhost";
  const port = parsePort(text("port", urlPort) || "5432");
  if (host.includes(",")) throw errors.database_url_invalid("several hosts are not supported");
  const user = text("user", urlUser) || "postgres";
  const isSocket = host.startsWith("/");
  return {
    host,
    port,
    socketPath: isSocket ? `${host}/.s.PGSQL.${port}` : null,
    user,
    password: text("password", urlPassword) || null,
    database: text("dbname", path) || user,
    ...tlsParameters(query, isSocket),
    applicationName: text("application_name", "reactor"),
    options: query.get("options") ?? null,
    connectTimeoutMs: Number(query.get("connect_timeout") ?? 0) * 1000 || 10_000,
    ignored: [...query.keys()].filter((name) => !KNOWN.has(name)),
  };
}

/** The same server and login, another database. */
export function urlOfDatabase(url: string, database: string): string {
  const { authority, query } = splitUrl(url);
  const kept = [...query].filter(([name]) => name !== "dbname");
  const rest = kept.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  const head = `${url.slice(0, url.indexOf("//") + 2)}${authority}/${encodeURIComponent(database)}`;
  return rest === "" ? head : `${head}?${rest}`;
}

/** The TLS settings for `tls.connect`; only called once the server agreed to speak TLS. */
export function tlsOptions(address: DatabaseAddress): ConnectionOptions {
  const verifies = address.sslMode === "verify-ca" || address.sslMode === "verify-full";
  const options: ConnectionOptions = { rejectUnauthorized: verifies };
  if (!/^[\d.]+$|:/.test(address.host)) options.servername = address.host;
  if (address.sslMode === "verify-ca") options.checkServerIdentity = () => undefined;
  if (address.sslRootCert && address.sslRootCert !== "system") {
    options.ca = readCertificate(address.sslRootCert);
  }
  if (address.sslCert) options.cert = readCertificate(address.sslCert);
  if (address.sslKey) options.key = readCertificate(address.sslKey);
  return options;
}

/** Connection part of the options of postgres.js. Everything is given, so that it reads no PG* variable. */
export function postgresJsOptions(address: DatabaseAddress) {
  return {
    host: address.host,
    port: address.port,
    ...(address.socketPath === null ? {} : { path: address.socketPath }),
    database: address.database,
    username: address.user,
    password: address.password ?? "",
    ssl: postgresJsTls(address),
    connect_timeout: Math.ceil(address.connectTimeoutMs / 1000),
    connection: {
      application_name: address.applicationName,
      ...(address.options === null ? {} : { options: address.options }),
    },
  };
}

function postgresJsTls(address: DatabaseAddress) {
  if (address.sslMode === "disable") return false;
  if (address.sslMode === "prefer" || address.sslMode === "allow") return "prefer" as const;
  // postgres.js accepts any options of tls.connect here, whatever its types say.
  return tlsOptions(address) as { rejectUnauthorized: boolean };
}

function splitUrl(url: string) {
  const match = /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url);
  if (!match) throw errors.database_url_invalid("it does not start with postgresql://");
  const query = new Map<string, string>();
  for (const pair of (match[3] ?? "").split("&").filter((part) => part !== "")) {
    const [name, value] = splitOnce(pair, "=");
    // libpq reads "+" as itself; only percent codes are decoded.
    query.set(decode(name), decode(value));
  }
  return { authority: match[1] ?? "", path: match[2] ?? "", query };
}

function tlsParameters(query: ReadonlyMap<string, string>, isSocket: boolean) {
  const sslRootCert = query.get("sslrootcert") || null;
  // libpq: "system" implies verify-full, and TLS is never used over a Unix socket.
  const mode = query.get("sslmode") || (sslRootCert === "system" ? "verify-full" : "prefer");
  if (!SSL_MODES.includes(mode)) throw errors.database_url_invalid(`sslmode=${mode} is unknown`);
  return {
    sslMode: isSocket ? "disable" : (mode as SslMode),
    sslRootCert,
    sslCert: query.get("sslcert") || null,
    sslKey: query.get("sslkey") || null,
  };
}

function splitHost(text: string): [host: string, port: string] {
  const bracketed = /^\[([^\]]+)\](?::(\d*))?$/.exec(text);
  if (bracketed) return [bracketed[1] ?? "", bracketed[2] ?? ""];
  return splitOnce(text, ":");
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw errors.database_url_invalid("a percent code in it is malformed");
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw errors.database_url_invalid(`port ${text} is not between 1 and 65535`);
  }
  return port;
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw errors.database_certificate_unreadable(path, cause);
  }
}
