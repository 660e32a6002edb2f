/** What every guest is asked, in this order: the same calls of the same exports with the same bytes. */

export interface GuestCall {
  readonly name: string;
  readonly input: Uint8Array<ArrayBuffer>;
}

const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);

const INPUTS: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  nothing: text(""),
  "one byte": text("x"),
  text: text("The quick brown fox jumps over the lazy dog"),
  "text of more than ASCII": text("Größe ☃ 𝄞 \u0000 and on"),
  "every byte, with NULs": Uint8Array.from({ length: 515 }, (_, n) => n % 256),
  "no UTF-8": Uint8Array.of(0xc3, 0x28, 0xff, 0xfe, 0x80, 0xe2, 0x98, 0x61),
  "a megabyte and three bytes": Uint8Array.from({ length: 2 ** 20 + 3 }, (_, n) => (n * 31) >> 3),
};
const SHORT = Object.values(INPUTS).filter(({ length }) => length < 1024);

const each = (name: string, inputs: readonly Uint8Array<ArrayBuffer>[]): GuestCall[] =>
  inputs.map((input) => ({ name, input }));
const one = (name: string, input = "") => ({ name, input: text(input) });

/** The engine's words for a fault, or the host's, are no part of the contract: that it is one is. */
export const FAULTS: ReadonlySet<string> = new Set(["fault", "past_input", "past_block"]);

export const CALLS: readonly GuestCall[] = [
  ...["echo", "reverse", "count", "plain", "same_block"].flatMap((name) =>
    each(name, Object.values(INPUTS)),
  ),
  ...each("blocks", SHORT),
  ...each("silent", SHORT),
  one("replaced"),
  // Of the error's text, and that it comes before the output.
  ...each("refuse", SHORT),
  ...each("murmur", SHORT),
  // Globals live on, over an error too.
  ...[one("called"), one("called"), one("refuse", "no"), one("called")],
  // Variables live on, over an error and a fault.
  ...[one("remember", "first"), one("remember", "second"), one("refuse", "no")],
  ...[one("remember", "third"), one("fault"), one("remember", "fourth"), one("remember")],
  ...each("remember", [...SHORT.slice(1), text("last")]),
  ...["tone", "höhe", "missing", ""].map((key) => one("configured", key)),
  ...each("say", [text("one line"), text("two\nlines"), text("☃"), ...SHORT.slice(-1)]),
  ...[...FAULTS].map((name) => one(name, "abc")),
  one("code"),
];

export const CONFIG = { tone: "warm ☃", höhe: "12" };
