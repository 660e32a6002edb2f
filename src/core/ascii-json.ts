/** JSON for places that hold ASCII only, as headers do. */

/** The same JSON with everything outside of printable ASCII escaped; `json` must be JSON without blank space. */
export function toAscii(json: string): string {
  return json.replace(
    /[\u0000-\u001f\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
