/**
 * The claims as the database gets them: the token's own text, every digit kept, with `role` set to
 * the role the request runs as.
 */

export function claimsWithRole(
  json: string,
  claims: Readonly<Record<string, unknown>>,
  role: string,
): string {
  if (!Object.hasOwn(claims, "role")) {
    const rest = json.slice(json.indexOf("{") + 1);
    const comma = Object.keys(claims).length === 0 ? "" : ",";
    return `{"role":${JSON.stringify(role)}${comma}${rest}`;
  }
  if (claims["role"] === role) return json;
  const members = topLevelMembers(json).filter(({ key }) => key !== "role");
  const texts = [`"role":${JSON.stringify(role)}`, ...members.map(({ text }) => text)];
  return `{${texts.join(",")}}`;
}

interface Member {
  readonly key: string;
  /** `"key": value` as written. */
  readonly text: string;
}

/** The members of a JSON object that is known to be valid. */
function topLevelMembers(json: string): Member[] {
  const members: Member[] = [];
  const end = json.lastIndexOf("}");
  let start = json.indexOf("{") + 1;
  for (let at = start, depth = 0; at <= end; at += 1) {
    const char = json[at];
    if (char === '"') at = endOfString(json, at);
    else if (char === "{" || char === "[") depth += 1;
    else if (depth > 0 && (char === "}" || char === "]")) depth -= 1;
    else if (depth === 0 && (char === "," || at === end)) {
      members.push(memberOf(json.slice(start, at).trim()));
      start = at + 1;
    }
  }
  return members;
}

/** Index of the closing quote of the string that opens at `at`. */
function endOfString(json: string, at: number): number {
  let index = at + 1;
  while (json[index] !== '"') index += json[index] === "\\" ? 2 : 1;
  return index;
}

function memberOf(text: string): Member {
  const key = JSON.parse(text.slice(0, endOfString(text, 0) + 1)) as string;
  return { key, text };
}
