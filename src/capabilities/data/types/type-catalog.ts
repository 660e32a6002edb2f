/**
 * What the type generator knows of a database. Read by `types-store.ts`; tests write it by hand.
 * Objects of extensions are left out: nobody types against them.
 */

export interface PgType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** pg_type.typtype: b base, c composite, d domain, e enum, p pseudo, r range, m multirange. */
  readonly kind: string;
  /** Of a true array; 0 otherwise. */
  readonly elementOid: number;
  /** Under a domain; 0 otherwise. */
  readonly baseOid: number;
  /** pg_class.relkind of the relation whose row it is; null when it is none. */
  readonly relationKind: string | null;
  readonly labels: readonly string[];
  /** Of a free-standing composite type. */
  readonly attributes: readonly { readonly name: string; readonly oid: number }[];
}

export interface TypedColumn {
  readonly name: string;
  readonly oid: number;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  /** Never written: `generated always`, or a view's column that is an expression. */
  readonly readOnly: boolean;
}

export interface TypedRelation {
  readonly schema: string;
  readonly name: string;
  readonly isView: boolean;
  /** Takes inserts or updates. */
  readonly updatable: boolean;
  readonly columns: readonly TypedColumn[];
}

export interface TypedArgument {
  readonly name: string;
  readonly oid: number;
  /** i in, b inout, v variadic, o out, t column of `returns table`. */
  readonly mode: string;
  readonly optional: boolean;
}

export interface TypedFunction {
  readonly schema: string;
  readonly name: string;
  readonly arguments: readonly TypedArgument[];
  readonly returnOid: number;
  readonly returnsSet: boolean;
  /** The planner's estimate of rows, 0 unless it returns a set: `rows 1` is how one row is declared. */
  readonly rows: number;
}

/** A foreign key as seen from the relation that holds its columns. */
export interface TypedRelationship {
  readonly schema: string;
  readonly relation: string;
  readonly constraint: string;
  readonly columns: readonly string[];
  readonly isOneToOne: boolean;
  readonly referencedRelation: string;
  readonly referencedColumns: readonly string[];
}

export interface TypeCatalog {
  readonly types: readonly PgType[];
  readonly relations: readonly TypedRelation[];
  readonly functions: readonly TypedFunction[];
  readonly relationships: readonly TypedRelationship[];
}
