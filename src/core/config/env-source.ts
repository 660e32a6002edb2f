/** Offers `REACTOR_SECTION__KEY` variables to the draft; a mistyped one is a fault, not silence. */
import type { TObject } from "@sinclair/typebox";
import { nearestName } from "../nearest-name.ts";
import { fromText } from "./coerce.ts";
import { type Draft, offer } from "./draft.ts";
import { refusedBy } from "./schema-fields.ts";

const PREFIX = "REACTOR_";

/** `server.cors.max_age_s` -> `REACTOR_SERVER__CORS__MAX_AGE_S`. */
export function envNameOf(key: string): string {
  return PREFIX + key.split(".").join("__").toUpperCase();
}

export function applyEnv(draft: Draft, sections: Readonly<Record<string, TObject>>): void {
  const byName = new Map([...draft.fields.values()].map((field) => [envNameOf(field.key), field]));
  for (const [name, text] of Object.entries(draft.env)) {
    if (!name.startsWith(PREFIX) || text === undefined) continue;
    const field = byName.get(name);
    if (field) {
      // An env:NAME reference is resolved, and typed, by the draft.
      const value = text.startsWith("env:") ? text : fromText(text, field.schema);
      offer(draft, field, value, { where: name, origin: `env:${name}` });
    } else {
      reportUnknown(draft, name, [...byName.keys()], sections);
    }
  }
}

/** Other programs may use our prefix; only what can be meant for a known section is a fault. */
function reportUnknown(
  draft: Draft,
  name: string,
  known: readonly string[],
  sections: Readonly<Record<string, TObject>>,
): void {
  const section = Object.keys(sections).find((one) => name.startsWith(`${envNameOf(one)}__`));
  const flattened = known.find((candidate) => candidate.replaceAll("__", "_") === name);
  if (section === undefined && flattened === undefined) return;
  const reason = section === undefined ? undefined : reasonFor(name, section, sections);
  const nearest = flattened ?? nearestName(name, known);
  const hint = reason ?? (nearest === null ? undefined : `did you mean ${nearest}?`);
  draft.faults.push({
    where: name,
    key: null,
    message: reason === undefined ? "no such setting" : "not a setting of Reactor",
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Why the section refuses this one, where it knows it. */
function reasonFor(
  name: string,
  section: string,
  sections: Readonly<Record<string, TObject>>,
): string | undefined {
  const schema = sections[section];
  const refused = schema ? Object.entries(refusedBy(schema)) : [];
  return refused.find(([key]) => envNameOf(`${section}.${key}`) === name)?.[1];
}
