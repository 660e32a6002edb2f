/**
 * Puts section schemas of several owners together: core's and each capability's. Where two declare
 * the same section (`auth` has a core part: `url`), their keys are joined.
 */
import { type TObject, Type } from "@sinclair/typebox";
import { refusedBy } from "./schema-fields.ts";

type Sections = Readonly<Record<string, TObject>>;

/** @throws Error when two owners declare the same key of a section: a defect. */
export function mergeSections(...owners: readonly Sections[]): Record<string, TObject> {
  const merged: Record<string, TObject> = {};
  for (const sections of owners) {
    for (const [name, schema] of Object.entries(sections)) {
      const known = merged[name];
      merged[name] = known ? join(name, known, schema) : schema;
    }
  }
  return merged;
}

function join(name: string, a: TObject, b: TObject): TObject {
  const twice = Object.keys(b.properties).find((key) => Object.hasOwn(a.properties, key));
  if (twice !== undefined) throw new Error(`${name}.${twice} is declared twice`);
  const description = b.description ?? a.description;
  return Type.Object(
    { ...a.properties, ...b.properties },
    {
      ...(description === undefined ? {} : { description }),
      refused: { ...refusedBy(a), ...refusedBy(b) },
    },
  );
}
