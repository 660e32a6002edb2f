/** Names in paths and JSON pointers (RFC 6901), in the URI fragment form that references have. */

/** A reference to `#/{section}/{name}`. */
export function reference(section: "definitions" | "parameters", name: string) {
  const pointer = name.replaceAll("~", "~0").replaceAll("/", "~1");
  return { $ref: `#/${section}/${encodeSpecial(pointer)}` };
}

/** A path's segment: braces would be a parameter of it. */
export function pathName(name: string): string {
  return encodeSpecial(name);
}

/** Everything but letters, digits and what the contract's own names are made of. */
function encodeSpecial(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.~$*()!'-]/gu, encodeURIComponent);
}
