/** A body that passes through unchanged while its bytes are counted. */

/**
 * @param length how many there are to be; null = not known. Others than these are an error
 * @param onBytes told the number so far before each chunk goes on; a throw breaks the body off
 * @param onEnd told once: null when the body ended, else what broke it
 * @param onLeft told instead when its reader left
 */
export function countedBody(
  body: ReadableStream<Uint8Array>,
  length: number | null,
  onBytes: (bytes: number) => void,
  onEnd: (error: unknown) => void = () => undefined,
  onLeft: () => void = () => undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  let bytes = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          bytes += value?.byteLength ?? 0;
          if (length !== null && (done ? bytes !== length : bytes > length)) {
            throw new RangeError(`A body of ${length} bytes was announced`);
          }
          if (done) {
            onEnd(null);
            return controller.close();
          }
          onBytes(bytes);
          controller.enqueue(value as Uint8Array<ArrayBuffer>);
        } catch (error) {
          onEnd(error);
          // It may have been `onBytes` that has had enough.
          reader.cancel(error).catch(() => undefined);
          throw error;
        }
      },
      cancel(reason) {
        onLeft();
        return reader.cancel(reason);
      },
    },
    // Nothing is read ahead: the one who reads sets the pace.
    { highWaterMark: 0 },
  );
}
