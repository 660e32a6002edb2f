/** Offers `REACTOR_SECTION__KEY` variables to the draft; a mistyped one is a fault, not silence. */
import { nearestName } from "../nearest-name.ts";
import { fromText } from "./coerce.ts";
import { type Draft, offer } from "./draft.ts";

const PREFIX = "REACTOR_";

/** `server.cors.max_age_s` -> `REACTOR_SERVER__CORS__MAX_AGE_S`. */
export function envNameOf(key: string): string {
  return PREFIX + key.split(".").join("__").toUpperCase();
}

export function applyEnv(draft: Draft, sections: readonly string[]): void {
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
  sections: readonly string[],
): void {
  const hasSection = sections.some((section) => name.startsWith(`${envNameOf(section)}__`));
  const flattened = known.find((candidate) => candidate.replaceAll("__", "_") === name);
  if (!hasSection && flattened === undefined) return;
  const nearest = flattened ?? nearestName(name, known);
  draft.faults.push({
    where: name,
    key: null,
    message: "no such setting",
    ...(nearest === null ? {} : { hint: `did you mean ${nearest}?` }),
  });
}
