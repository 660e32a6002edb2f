/**
 * The `filter` text of a `postgres_changes` binding: conditions with commas between them, all of which
 * must hold. A comma inside double quotes or parentheses belongs to a value. Pure.
 */

export interface FilterPart {
  readonly column: string;
  /** `operator.value`, perhaps with `not.` before it; a quoted single value is without its quotes. */
  readonly text: string;
}

/** Null when it cannot be read. */
export function splitFilter(filter: string): FilterPart[] | null {
  if (filter === "") return [];
  const parts: FilterPart[] = [];
  for (const condition of splitConditions(filter)) {
    const equals = condition.indexOf("=");
    if (equals < 1) return null;
    const column = condition.slice(0, equals).trim();
    parts.push({ column, text: unquoted(condition.slice(equals + 1)) });
  }
  return parts;
}

function splitConditions(filter: string): string[] {
  const conditions: string[] = [];
  let from = 0;
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < filter.length; at++) {
    const char = filter[at];
    if (isQuoted && char === "\\") at += 1;
    else if (char === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (char === "(") depth += 1;
    else if (char === ")") depth -= 1;
    else if (char === "," && depth <= 0) {
      conditions.push(filter.slice(from, at));
      from = at + 1;
    }
  }
  return [...conditions, filter.slice(from)];
}

/** `eq."a,b"`: quotes around the whole value are there for the commas only. */
function unquoted(text: string): string {
  const found = /^((?:not\.)?[a-z]+\.)"((?:[^"\\]|\\.)*)"$/s.exec(text);
  return found ? `${found[1]}${found[2]?.replace(/\\(.)/gs, "$1")}` : text;
}
