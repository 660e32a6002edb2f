/**
 * A database's schema as a set of objects that can be made, changed and dropped one by one: what
 * `db pull` writes and `db diff` compares. Texts are PostgreSQL's own (`pg_get_…def`) wherever it has
 * them, read with an empty search_path, so that every name is complete.
 */

/** In the order in which unrelated objects are made. */
export const KINDS = [
  "schema",
  "extension",
  "foreign server",
  "type",
  "sequence",
  "function",
  "cast",
  "table",
  "column",
  "default",
  "sequence owner",
  "constraint",
  "index",
  "replica identity",
  "statistics",
  "foreign key",
  "view",
  "rule",
  "trigger",
  "row security",
  "policy",
  "publication",
  "publication member",
  "event trigger",
] as const;

export type Kind = (typeof KINDS)[number];

/** Where an object stands in the system catalogues: `pg_class`, its oid, a column's number or 0. */
export interface Address {
  readonly catalog: string;
  readonly oid: number;
  readonly sub: number;
}

export interface Alteration {
  readonly statements: readonly string[];
  /** What is defined by means of it has to be dropped before and made again after. */
  readonly rebuilds: boolean;
}

export interface DdlObject {
  /** `column public.notes.id`: the kind, and the name as SQL. Unique in a database. */
  readonly key: string;
  readonly kind: Kind;
  /** As SQL, for `comment on` and `grant … on`; what it is called there: `materialized view public.x`. */
  readonly title: string;
  readonly addresses: readonly Address[];
  /** Position among its siblings: the columns of a table keep their order. */
  readonly place: number;
  /** Two objects of one key are the same when these are. */
  readonly definition: string;
  readonly create: readonly string[];
  readonly drop: readonly string[];
  /** Keys of objects whose drop takes it along. */
  readonly dropsWith: readonly string[];
  /** What it needs beside that of which pg_depend tells. */
  readonly standsOn: readonly (string | Address)[];
  /** A line of its table's `create table`; null for what cannot stand there. */
  readonly inline: string | null;
  /** For tables: the statement around those lines. */
  readonly around: { readonly head: string; readonly tail: string } | null;
  /** From another object of the same key; null: it has to be dropped and made anew. */
  alter(from: DdlObject): Alteration | null;
  /** What `alter` compares; of one shape for each kind. */
  readonly facts: unknown;
}

/** The rights that an object gives beside its owner's. */
export interface Grants {
  /** Key of the object. */
  readonly key: string;
  /** As in `grant … on`: `table public.notes`, with a column list behind each privilege for columns. */
  readonly target: string;
  /** Schema and pg_default_acl.defaclobjtype, by which its first rights are found. */
  readonly schema: string;
  readonly objectType: string;
  /** Of a column; null otherwise. */
  readonly column: string | null;
  /** By grantee as SQL: `public`, `"anon"`. */
  readonly rights: ReadonlyMap<string, Rights>;
}

export interface Rights {
  /** Lower case: `select`. */
  readonly plain: readonly string[];
  readonly grantable: readonly string[];
}

export interface DefaultRights {
  /** As SQL. */
  readonly role: string;
  /** As SQL; null = every schema. */
  readonly schema: string | null;
  /** pg_default_acl.defaclobjtype: r, S, f, T, n. */
  readonly objectType: string;
  readonly rights: ReadonlyMap<string, Rights>;
}

export interface Comment {
  /** Key of the object with which it goes. */
  readonly owner: string;
  readonly text: string;
}

export interface DatabaseModel {
  readonly objects: ReadonlyMap<string, DdlObject>;
  /** Keys that each object stands on. */
  readonly needs: ReadonlyMap<string, ReadonlySet<string>>;
  /** By what stands behind `comment on`. */
  readonly comments: ReadonlyMap<string, Comment>;
  readonly grants: ReadonlyMap<string, Grants>;
  readonly defaultRights: ReadonlyMap<string, DefaultRights>;
  /** All rights that there are, by `Grants.objectType`, sorted. */
  readonly allRights: ReadonlyMap<string, readonly string[]>;
  /** Who makes objects: the reading role, as SQL. */
  readonly maker: string;
  /** What is there and cannot be written: operators, text search configurations … */
  readonly unsupported: readonly string[];
}

export type ObjectInit = Pick<DdlObject, "kind" | "create" | "drop"> & {
  /** The name as SQL, unique within the kind. */
  readonly name: string;
} & Partial<Omit<DdlObject, "key" | "kind" | "create" | "drop">>;

/** Fills in what most objects have in common. */
export function ddlObject(init: ObjectInit): DdlObject {
  const { name, kind, create } = init;
  return {
    title: `${kind} ${name}`,
    addresses: [],
    place: 0,
    definition: create.join("\n"),
    dropsWith: [],
    standsOn: [],
    inline: null,
    around: null,
    alter: () => null,
    facts: null,
    ...init,
    key: `${kind} ${name}`,
  };
}

export function address(catalog: string, oid: number, sub = 0): Address {
  return { catalog, oid, sub };
}
