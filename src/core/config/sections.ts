/**
 * Settings that belong to no capability: the server, the database, keys and the log. Capabilities
 * declare their own sections in their `config.ts`; `mergeSections` joins them with these.
 */
import { type Static, type TObject, Type } from "@sinclair/typebox";
import { mailSection } from "./mail-section.ts";

const LIMIT_MS = 3_600_000;

const text = (description: string, fallback = "") =>
  Type.String({ default: fallback, description });
const secret = (description: string) => Type.String({ default: "", description, secret: true });
const flag = (fallback: boolean, description: string) =>
  Type.Boolean({ default: fallback, description });
const count = (fallback: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: fallback, minimum, maximum, description });
const texts = (fallback: string[], description: string) =>
  Type.Array(Type.String({ minLength: 1 }), { default: fallback, description });

const serverSection = Type.Object(
  {
    host: Type.String({
      default: "127.0.0.1",
      minLength: 1,
      description: "Address to listen on. `0.0.0.0` or `::` listens on every interface.",
    }),
    port: count(7890, 0, 65_535, "Port to listen on. 0 takes any free port."),
    public_url: text(
      "URL by which clients reach the server, as in `https://api.example.com`. It is also the issuer of tokens. Empty: links follow the request, the issuer is a value made at first boot.",
    ),
    trusted_proxies: texts(
      [],
      "Addresses or CIDR ranges of proxies whose `X-Forwarded-*` headers are believed.",
    ),
    shutdown_timeout_s: count(
      30,
      1,
      600,
      "How long a shutdown waits for requests in flight, seconds.",
    ),
    idle_timeout_s: count(
      30,
      0,
      255,
      "A connection without traffic is closed after this many seconds; 0 never. Streams are exempt.",
    ),
    max_body_bytes: count(
      1_073_741_824,
      1024,
      Number.MAX_SAFE_INTEGER,
      "Largest request body of any route; routes may allow less. What is larger is refused by the listener, as 413 without a body.",
    ),
    peers: Type.Record(
      Type.String({ pattern: "^[a-z][a-z0-9_]*$" }),
      Type.String({ pattern: "^https?://[^/?#@\\s]+/?$" }),
      {
        default: {},
        additionalProperties: false,
        description:
          'Servers that have the capabilities this one lacks, by name, as in `data = "http://10.0.0.5:7890"`. Only functions of this server reach them, with `reactor.fetch`.',
      },
    ),
    cors: Type.Object(
      {
        origins: texts(["*"], "Origins allowed to call from a browser; `*` is any."),
        allow_credentials: flag(
          false,
          "Lets browsers send cookies. Only origins listed by name are then allowed.",
        ),
        max_age_s: count(
          86_400,
          0,
          86_400,
          "How long a browser may keep a preflight answer, seconds.",
        ),
        expose_headers: texts(
          [],
          "Answer headers that scripts may read, beside those Reactor always exposes.",
        ),
      },
      { description: "Cross-origin requests, for every capability. `/_admin` never allows them." },
    ),
    tls: Type.Object(
      {
        cert: text("PEM file of the certificate chain. Empty: plain HTTP."),
        key: text("PEM file of the certificate's private key."),
      },
      { description: "TLS of the listener." },
    ),
  },
  { description: "Where the server listens and how it treats connections." },
);

const databaseSection = Type.Object(
  {
    url: text(
      "libpq URL of a PostgreSQL 15+ database, as its owner. Empty: the embedded PostgreSQL in the data folder.",
    ),
    direct_url: text(
      "libpq URL that reaches the server without a pooler: for LISTEN, replication and migrations. Empty: `database.url`.",
    ),
    authenticator_url: text(
      "libpq URL that logs in as `authenticator`, for users' queries. Empty: Reactor sets that role's password itself and derives the URL.",
    ),
    prepared: flag(
      true,
      "Uses named prepared statements. Set to false behind a pooler that does not support them.",
    ),
    pool_size: count(
      8,
      1,
      1000,
      "Connections for users' queries, per tenant. They carry several queries each and open on demand.",
    ),
    queue_max: count(
      2048,
      0,
      1_000_000,
      "Queries that may wait for a connection; more are answered 503.",
    ),
    acquire_timeout_ms: count(
      5000,
      1,
      LIMIT_MS,
      "How long a query waits for a connection, milliseconds.",
    ),
    statement_timeout_ms: count(
      30_000,
      1,
      LIMIT_MS,
      "A user's query is cancelled after this many milliseconds.",
    ),
    system_pool_size: count(4, 1, 100, "Connections for the server's own work, per tenant."),
    connect_timeout_ms: count(
      10_000,
      1,
      LIMIT_MS,
      "How long a new connection may take, milliseconds.",
    ),
    tls_ca: text(
      "PEM file of the authority that signed the database's certificate. Empty: the system's.",
    ),
  },
  { description: "The PostgreSQL database. With an empty `url` Reactor runs its own." },
);

const adminSection = Type.Object(
  {
    allow_remote: flag(false, "Answers `/_admin` to other machines than this one, with the token."),
    token: secret("Admin token. Empty: made at first boot and kept in the data folder."),
  },
  { description: "The administration interface under `/_admin`." },
);

const logSection = Type.Object(
  {
    level: Type.Union(
      ["debug", "info", "warn", "error"].map((level) => Type.Literal(level)),
      { default: "info", description: "Least level that is written." },
    ),
    format: Type.Union(
      ["auto", "json", "pretty"].map((format) => Type.Literal(format)),
      {
        default: "auto",
        description:
          "`json`: one object a line. `pretty`: for people. `auto`: pretty on a terminal.",
      },
    ),
  },
  { description: "The log, on standard error." },
);

const vaultSection = Type.Object(
  {
    key: secret(
      "Master key of the vault: 32 bytes in base64 or hex. Empty: `vault.passphrase`, or the key's file.",
    ),
    key_file: text(
      "File of the master key. Empty: `vault.key` in the data folder. Made when it is not there.",
    ),
    passphrase: secret(
      "Passphrase from which the master key is derived (argon2id), at least 12 characters. Empty: a key is used.",
    ),
    recovery_code: secret(
      "Code of `reactor vault recovery-code`: lets a server in whose master key is lost, and gives the vault its present one. Remove it after that start.",
    ),
  },
  { description: "Secrets at rest." },
);

export type ServerConfig = Static<typeof serverSection>;
export type DatabaseConfig = Static<typeof databaseSection>;
export type AdminConfig = Static<typeof adminSection>;
export type VaultConfig = Static<typeof vaultSection>;
export interface LogConfig {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "auto" | "json" | "pretty";
}

/** Sections that exist whatever is mounted. */
export const coreSections: Readonly<Record<string, TObject>> = {
  server: serverSection,
  database: databaseSection,
  admin: adminSection,
  log: logSection,
  vault: vaultSection,
  mail: mailSection,
};

/** Lists of the project in reactor.toml: `[[functions]]` and so on. */
export const PROJECT_LISTS = ["functions", "jobs", "sites", "policies"] as const;
