/** Some members of a JSON object as text: values keep every digit and byte. Pure. */

/** @param object valid JSON text of an object, as PostgreSQL writes it */
export function pickMembers(object: string, names: ReadonlySet<string>): string {
  const picked: string[] = [];
  let at = object.indexOf("{") + 1;
  for (;;) {
    const keyFrom = object.indexOf('"', at);
    if (keyFrom < 0) break;
    const keyEnd = endOfString(object, keyFrom);
    const end = endOfValue(object, keyEnd);
    const key = JSON.parse(object.slice(keyFrom, keyEnd)) as string;
    if (names.has(key)) picked.push(object.slice(keyFrom, end));
    if (object[end] !== ",") break;
    at = end + 1;
  }
  return `{${picked.join(",")}}`;
}

/** Behind the string that begins at `from`. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Where the member ends that has its value after `from`: at the comma or the brace behind it. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text[at];
    if (char === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (depth === 0 && (char === "," || char === "}")) return at;
    if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") depth -= 1;
    at += 1;
  }
  return at;
}
