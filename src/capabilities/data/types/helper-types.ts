/** The part of the generated file that does not depend on the schema, with the names people import. */

export const JSON_TYPE = `export type Json =
  | string
  | number
  | boolean
  | null
  | { [key: string]: Json | undefined }
  | Json[]`;

/** Of the schema that an option names. */
const NAMED = 'DatabaseWithoutInternals[Option["schema"]]';

/**
 * `Tables<"users">` reads the default schema, `Tables<{ schema: "other" }, "users">` another one.
 * @param defaultSchema name of a schema of `Database`
 */
export function helperTypes(defaultSchema: string): string {
  return [
    'type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">',
    `type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, ${JSON.stringify(defaultSchema)}>]`,
    "type SchemaOption = { schema: keyof DatabaseWithoutInternals }",
    shaped("Tables", "Row", (schema) => `(${schema}["Tables"] & ${schema}["Views"])`),
    shaped("TablesInsert", "Insert", (schema) => `${schema}["Tables"]`),
    shaped("TablesUpdate", "Update", (schema) => `${schema}["Tables"]`),
    plain("Enums"),
    plain("CompositeTypes"),
  ].join("\n\n");
}

/** A helper that looks into one member of a table, of those that `of` finds in a schema. */
function shaped(name: string, member: string, of: (schema: string) => string): string {
  const [own, named] = [of("DefaultSchema"), of(NAMED)];
  return `export type ${name}<
  Option extends keyof ${own} | SchemaOption,
  Name extends Option extends SchemaOption
    ? keyof ${named}
    : never = never,
> = Option extends SchemaOption
  ? ${named}[Name] extends { ${member}: infer Shape }
    ? Shape
    : never
  : Option extends keyof ${own}
    ? ${own}[Option] extends { ${member}: infer Shape }
      ? Shape
      : never
    : never`;
}

function plain(name: string): string {
  return `export type ${name}<
  Option extends keyof DefaultSchema["${name}"] | SchemaOption,
  Name extends Option extends SchemaOption
    ? keyof ${NAMED}["${name}"]
    : never = never,
> = Option extends SchemaOption
  ? ${NAMED}["${name}"][Name]
  : Option extends keyof DefaultSchema["${name}"]
    ? DefaultSchema["${name}"][Option]
    : never`;
}
