/** Hides what must not be shown: secret settings whole, passwords inside URLs. */

const MASK = "********";
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@]*@/gi;

/** `postgres://me:secret@host` -> `postgres://me:********@host`, anywhere in a text. */
export function maskUrlPasswords(text: string): string {
  return text.replace(URL_PASSWORD, `$1${MASK}@`);
}

/** A value fit to be shown. An empty or absent secret stays visible as such. */
export function maskValue(value: unknown, secret: boolean): unknown {
  if (value === undefined || value === null || value === "") return value ?? null;
  if (typeof value === "object" && Object.keys(value).length === 0) return value;
  if (secret) return MASK;
  if (typeof value === "string") return maskUrlPasswords(value);
  if (Array.isArray(value)) return value.map((item) => maskValue(item, false));
  if (typeof value === "object" && !(value instanceof Date)) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, maskValue(v, false)]));
  }
  return value;
}
