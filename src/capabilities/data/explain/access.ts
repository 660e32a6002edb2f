/**
 * The answer to `Prefer: explain=access`: what decided, and the smallest statement that would decide
 * otherwise. Names of members are part of the contract (docs/data.md, "Why was that refused?").
 */

export type Command = "select" | "insert" | "update" | "delete" | "execute";

export type DecisionKind =
  /** The role lacks USAGE on a schema. */
  | "schema_usage"
  /** The role lacks a right on a table, on some of its columns, on a sequence or a function. */
  | "table_privilege"
  | "column_privilege"
  | "sequence_privilege"
  | "execute_privilege"
  /** `require_rls`: the object is not guarded by any policy. */
  | "require_rls"
  /** Row security is on, and no policy is for this role and command. */
  | "no_policy"
  /** The policies hide the rows, or refuse what was to be written. */
  | "policy_using"
  | "policy_check"
  /** A policy failed to be evaluated: it reads what the role may not. */
  | "policy_error"
  /** An embedded resource that the answer needs was empty. */
  | "embedding"
  /** Something that a function does. */
  | "function_body"
  /** Access was given; there was nothing to answer. */
  | "no_rows"
  /** Nothing that was looked at decided. */
  | "unknown";

export interface Decision {
  readonly kind: DecisionKind;
  /** `schema x`, `table public.notes`, `function public.f(integer)`. */
  readonly object: string;
  /** The policies that decided, the columns that are missing. */
  readonly names: readonly string[];
  /** One sentence. */
  readonly reason: string;
}

export interface PrivilegeFinding {
  readonly object: string;
  readonly privilege: "usage" | "select" | "insert" | "update" | "delete" | "execute";
  /** Of the columns that the request needs, those that are missing; null = the whole object. */
  readonly columns: readonly string[] | null;
  readonly granted: boolean;
}

export interface PolicyFinding {
  readonly name: string;
  readonly command: "all" | "select" | "insert" | "update" | "delete";
  readonly mode: "permissive" | "restrictive";
  readonly roles: readonly string[];
  /** It is for this role and for what the request does. */
  readonly applies: boolean;
  readonly using: string | null;
  readonly check: string | null;
  /** Of the rows examined, those that the policy lets through; null = it was not evaluated. */
  readonly rows_passing: number | null;
  /** Of the rows to be written, those that its check accepts; null = there were none, or no check. */
  readonly rows_accepted: number | null;
  /** Why it could not be evaluated. */
  readonly error: string | null;
}

export interface RowCounts {
  /** Rows that the filters choose, whoever asks; 1,000 at most. Null: they could not be counted. */
  readonly examined: number | null;
  /** Those of them that the caller sees. */
  readonly visible: number | null;
  /** Rows that were to be written; null for a command that writes none. */
  readonly proposed: number | null;
}

/** One object that the request touches. */
export interface ObjectAccess {
  readonly object: string;
  readonly kind: string;
  readonly privileges: readonly PrivilegeFinding[];
  /** Null for what cannot have any. */
  readonly row_security: {
    readonly enabled: boolean;
    readonly forced: boolean;
    /** False for roles that bypass it, and for the owner where it is not forced. */
    readonly applies: boolean;
  } | null;
  readonly rows: RowCounts | null;
  readonly policies: readonly PolicyFinding[];
}

export interface Access extends ObjectAccess {
  readonly role: string;
  readonly user_id: string | null;
  readonly command: Command;
  readonly decided_by: Decision;
  /** SQL; null where no statement would change the answer. */
  readonly fix: string | null;
  /** What the statement would allow. */
  readonly fix_effect: string | null;
  /** Tables under a view, embedded resources, and what a function could not reach. */
  readonly related: readonly ObjectAccess[];
}

/** Rows that are examined at most. */
export const ROWS_MAX = 1_000;
