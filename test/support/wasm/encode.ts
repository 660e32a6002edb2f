/** The WebAssembly binary format, as far as the generator writes it (core spec 5). */

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const FUNCREF = 0x70;

/** Unsigned LEB128. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** Signed LEB128. */
export function sleb(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    const isDone = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
    bytes.push(isDone ? low : low | 0x80);
    if (isDone) return bytes;
  }
}

export const vec = (items: readonly (readonly number[])[]) => [
  ...leb(items.length),
  ...items.flat(),
];
export const sized = (content: readonly number[]) => [...leb(content.length), ...content];
export const section = (id: number, content: readonly number[]) => [id, ...sized(content)];
export const text = (value: string) => sized([...new TextEncoder().encode(value)]);
