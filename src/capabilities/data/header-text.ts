/**
 * A text as the value of a header. What is beyond ASCII goes as UTF-8, as it comes in (`incoming.ts`) and
 * as PostgREST sends it; `Headers` writes each character as one byte, and takes none that has more.
 */
export function headerText(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

const ASCII = /^[ -~]*$/;
