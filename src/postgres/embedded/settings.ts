/**
 * PostgreSQL's settings as an embedded database of a small server. Written to `postgresql.conf` at
 * every start; `ALTER SYSTEM` still outranks them, so a person can tune. What safety rests on is given
 * on the command line instead, where nothing outranks it.
 */

/**
 * `postgresql.conf`, whole. Figures: 87 MB PSS for the idle tree, against 96 MB with stock buffers;
 * a process's title, written four times a query, is 1 of its 38 µs.
 */
export const POSTGRESQL_CONF = `# Written by Reactor at every start. Change settings with ALTER SYSTEM.
shared_buffers = 32MB
max_connections = 40
io_method = sync
max_worker_processes = 4
max_parallel_workers = 2
huge_pages = off
wal_level = logical
max_wal_size = 256MB
min_wal_size = 32MB
max_wal_senders = 4
max_replication_slots = 4
max_slot_wal_keep_size = 1GB
fsync = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, mdy'
update_process_title = off
lc_messages = 'C'
default_text_search_config = 'pg_catalog.english'
log_min_messages = warning
log_min_error_statement = panic
log_checkpoints = off
`;

/** Marks the start of a record in PostgreSQL's log: \`@pid|sqlstate|\`. Read by log-lines.ts. */
export const LOG_LINE_PREFIX = "@%p|%e|";

/** Arguments of the postmaster. */
export function postgresArguments(cluster: string, socketDir: string): string[] {
  const fixed = {
    listen_addresses: "",
    // The value is a list; quotes keep a comma or space in the path from splitting it.
    unix_socket_directories: `"${socketDir}"`,
    unix_socket_permissions: "0700",
    restart_after_crash: "on",
    full_page_writes: "on",
    logging_collector: "off",
    log_destination: "stderr",
    log_line_prefix: LOG_LINE_PREFIX,
  };
  return [
    "-D",
    cluster,
    ...Object.entries(fixed).flatMap(([key, value]) => ["-c", `${key}=${value}`]),
  ];
}
