/**
 * Which settings of a request the code inside a database looks at. A browser's headers are a kilobyte
 * that PostgreSQL would have to take in with every query, and hardly any database ever reads them, so
 * they are set only where something might: policies, views, triggers, defaults and functions are
 * searched for it whenever the schema is read. In doubt all are set; a function that is called itself
 * always finds all (`transaction.ts`). The same search tells whether reads may share a transaction.
 */
import { sqlWords } from "./sql-words.ts";

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
  /\b(?:pg_settings|pg_show_all_settings|query_to_xml\w*|cursor_to_xml|ts_stat|ts_rewrite|dblink\w*|crosstab\w*|connectby)\b|U&["']/i;
const OPAQUE_WORDS = /\b(?:execute|show)\b/i;

/** What outlives a statement, or may, by names that may be quoted: settings, locks, cursors, messages. */
const LEAVES_TRACES =
  /\b(?:set_config|pg_notify|pg_(?:try_)?advisory\w*|refcursor|pg_temp\w*|setseed|set_limit|pg_logical_emit_message|lo_\w+)\b/i;
/** The same by words of the language, which mean nothing in quotes and comments. */
const WORDS =
  "set|reset|discard|listen|unlisten|notify|lock|cursor|temp|temporary|prepare|deallocate|execute";
const TRACE_WORDS = new RegExp(`\\b(?:${WORDS})\\b`, "i");
/** Those, and what might have a literal run as code, where nobody can tell what is quoted. */
const DOUBTFUL_WORDS = new RegExp(`\\b(?:${WORDS}|do|function|procedure)\\b`, "i");
/** What has a literal run as code: `do`, other than that of `on conflict` and of rules, and new functions. */
const RUNS_LITERAL =
  / do (?!(?:nothing|update|select|insert|delete|instead|also|\() )| create (?:or replace )?(?:function|procedure) /;
/** A literal that functions of extensions might run, as its words stand where a command has them. */
const COMMAND = new RegExp(
  `(?:^|[;>'$]|\\b(?:begin|then|else|loop))\\s*(?:${WORDS})\\b\\W*\\w|\\b(?:create|into|local|global|replace)\\s+temp|\\bcursor\\s*(?:\\(|for\\b|with)`,
  "i",
);
/** Between two words of a command. */
const COMMENT = /--|\/\*/;
/** Not what a statement follows: there the SET behind it is a command. */
const NAME =
  '(?!(?:then|else|loop|begin|do|set) )(?:""|[a-z_\\u0080-\\uffff][\\w\\u0080-\\uffff]*)';
/** The SET of an UPDATE, which is no command. */
const SET_OF_UPDATE = new RegExp(
  ` update (?:(?:only )?${NAME}(?: \\. ${NAME}){0,2}(?: (?:as )?${NAME})? )?set(?= )`,
  "g",
);

/** What a broadcast is about: ours, and only policies of messages look at it. */
const TOPIC = /\bset_config\('realtime\.topic'/gi;

/**
 * Whether a read might change settings for the rest of its transaction, or leave something else there
 * that a query behind it would find or, failing, take back. In doubt it does.
 * @param code as below, without the functions of triggers: only writes call these
 */
export function leavesTraces(code: readonly string[] | null): boolean {
  return code?.some(mayLeaveTraces) ?? true;
}

function mayLeaveTraces(text: string): boolean {
  if (OPAQUE.test(text) || LEAVES_TRACES.test(text.replace(TOPIC, " "))) return true;
  const words = sqlWords(text);
  if (!words) return DOUBTFUL_WORDS.test(text);
  return (
    TRACE_WORDS.test(words.code.replace(SET_OF_UPDATE, " ")) ||
    RUNS_LITERAL.test(words.code) ||
    words.literals.some(readsAsCommand)
  );
}

function readsAsCommand(literal: string): boolean {
  const text = literal.replace(/\\[\s\S]/g, " ");
  return COMMAND.test(text) || (COMMENT.test(text) && TRACE_WORDS.test(text));
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
    if (calls > plain || OPAQUE.test(text) || OPAQUE_WORDS.test(text)) {
      return ALL_OBSERVED;
    }
    const lower = text.toLowerCase();
    for (const name of OBSERVABLE) if (lower.includes(name)) named.add(name);
  }
  return named;
}
