/**
 * `Content-Location` of a read: the query string with its parameters in order of their names, so
 * that a cache sees equal queries as equal. Values of one name stand together, joined by commas.
 */

/** @param search the query string without `?`, as sent */
export function canonicalQuery(search: string): string {
  if (search === "") return "";
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(search)) {
    const known = values.get(name);
    if (known) known.push(value);
    else values.set(name, [value]);
  }
  const names = [...values.keys()].sort(byBytes);
  const pairs = names.map((name) => {
    const list = (values.get(name) ?? []).map(encode).join(",");
    return `${encode(name)}=${list}`;
  });
  return `?${pairs.join("&")}`;
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Everything but letters, digits and `-_.~`. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
