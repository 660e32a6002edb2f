/**
 * What the function's responses were made of. `Response` tells only a stream, and to read that costs more
 * than a small answer; and a text has no content type before `Bun.serve` sends it. So `Response` is
 * replaced by one that is the same in all but that it remembers.
 */

const MADE_OF = Symbol("made of");

/** `null`: nothing. A text as it is. `bytes`: what is all there. `stream`: anything else. */
export type MadeOf = { readonly text: string } | "bytes" | "stream" | null;

type Remembering = Response & { [MADE_OF]?: unknown };

/** Replaces the global `Response`. */
export function rememberBodies(): void {
  const native = globalThis.Response;
  const remembering = new Proxy(native, {
    construct(target, args: [BodyInit?, ResponseInit?], newTarget) {
      const made = Reflect.construct(target, args, newTarget) as Remembering;
      const [body = null] = args;
      if (body === null || typeof body === "string" || isWhole(body)) made[MADE_OF] = body;
      // Numbers and the like are sent as texts.
      else if (typeof body !== "object") made[MADE_OF] = String(body);
      return made;
    },
  });
  const json = native.json.bind(native);
  native.json = (value: unknown, init?: ResponseInit | number) => {
    const made: Remembering = json(value, init as ResponseInit);
    made[MADE_OF] = made;
    return made;
  };
  const { clone } = native.prototype;
  native.prototype.clone = function (this: Remembering) {
    const made: Remembering = clone.call(this);
    made[MADE_OF] = this[MADE_OF];
    return made;
  };
  native.prototype.constructor = remembering;
  globalThis.Response = remembering;
}

/** A file is read when it is sent, and may be large. */
function isWhole(body: BodyInit): boolean {
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return true;
  return body instanceof URLSearchParams || body instanceof FormData;
}

export function madeOf(response: Response): MadeOf {
  const body = (response as Remembering)[MADE_OF];
  if (body === undefined) return response.body === null ? null : "stream";
  if (body === null || body === "") return null;
  return typeof body === "string" ? { text: body } : "bytes";
}
