/**
 * Which settings of a request the code inside a database looks at. A browser's headers are a kilobyte
 * that PostgreSQL would have to take in with every query, and hardly any database ever reads them, so
 * they are set only where something might: policies, views, triggers, defaults and functions are
 * searched for it whenever the schema is read. In doubt all are set; a function that is called itself
 * always finds all (`transaction.ts`). The same search tells whether reads may share a transaction.
 */

/** What an operation on a table leaves out where nothing can miss it. Claims and role are always set. */
export const OBSERVABLE = [
  "request.method",
  "request.path",
  "request.headers",
  "request.cookies",
  "response.headers",
  "response.status",
] as const;

export const ALL_OBSERVED: ReadonlySet<string> = new Set(OBSERVABLE);

/** A call that says in plain text which setting it means, also as PostgreSQL prints an expression. */
const PLAIN_CALL =
  /\b(?:current_setting|set_config)"?\s*\(\s*'[a-z_][a-z0-9_.]*'(?:::text)?\s*[,)]/gi;
const ANY_CALL = /current_setting|set_config/gi;
/** What runs SQL that is put together at run time, or finds settings in another way. */
const OPAQUE =
  /\b(?:execute|show|pg_settings|pg_show_all_settings|query_to_xml\w*|cursor_to_xml|ts_stat|ts_rewrite|dblink\w*|crosstab\w*|connectby)\b|U&["']/i;

/** What outlives a statement, or may: settings, locks, cursors, messages, what a session holds. */
const LEAVES_TRACES =
  /\b(?:set_config|set|reset|discard|listen|unlisten|notify|pg_notify|lock|pg_(?:try_)?advisory\w*|cursor|refcursor|temp|temporary|pg_temp\w*|prepare|deallocate|setseed|set_limit|pg_logical_emit_message|lo_\w+)\b/i;
/**
 * The SET of an UPDATE, which is no command. Not in a comment, where it would hide one behind it, nor where
 * `update` is the name of something and a statement follows.
 */
const SET_OF_UPDATE =
  /\bupdate(?<!--[^\n]*)(?:\s+(?:only\s+)?(?!(?:then|else|loop|begin|do)\b)[\w."]+(?:\s+(?:as\s+)?(?!(?:then|else|loop|begin|do)\b)[\w"]+)?)?\s+set\b/gi;

/** What a broadcast is about: ours, and only policies of messages look at it. */
const TOPIC = /\bset_config\('realtime\.topic'/gi;

/**
 * Whether a read might change settings for the rest of its transaction, or leave something else there
 * that a query behind it would find or, failing, take back. In doubt it does.
 * @param code as above, without the functions of triggers: only writes call these
 */
export function leavesTraces(code: readonly string[] | null): boolean {
  if (code === null) return true;
  return code.some((text) => {
    const bare = text.replace(TOPIC, " ");
    const rest = bare.includes("/*") ? bare : bare.replace(SET_OF_UPDATE, " ");
    return OPAQUE.test(text) || LEAVES_TRACES.test(rest);
  });
}

/** Whether anything might choose headers or the status of the answer. */
export function mayChooseAnswer(observed: ReadonlySet<string>): boolean {
  return observed.has("response.headers") || observed.has("response.status");
}

/**
 * @param code bodies of functions and expressions; null where it cannot be known what there is
 * @returns those of `OBSERVABLE` that must be set or read
 */
export function observedIn(code: readonly string[] | null): ReadonlySet<string> {
  if (code === null) return ALL_OBSERVED;
  const named = new Set<string>();
  for (const text of code) {
    const plain = text.match(PLAIN_CALL)?.length ?? 0;
    const calls = text.match(ANY_CALL)?.length ?? 0;
    if (calls > plain || OPAQUE.test(text)) return ALL_OBSERVED;
    const lower = text.toLowerCase();
    for (const name of OBSERVABLE) if (lower.includes(name)) named.add(name);
  }
  return named;
}
