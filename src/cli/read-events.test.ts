/** Event streams are read the same however the network cuts them. */
import { expect, test } from "bun:test";
import { readEvents, type ServerEvent } from "./read-events.ts";

const TEXT =
  ': open\n\nid: 7\nevent: log\ndata: {"a":"é"}\n\r\ndata:x\rdata: y\r\n\r\nevent: log\ndata: cut off';

function stream(chunkSize: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(TEXT);
  return new ReadableStream({
    start(controller) {
      for (let i = 0; i < bytes.length; i += chunkSize) {
        controller.enqueue(bytes.slice(i, i + chunkSize));
      }
      controller.close();
    },
  });
}

test.each([1, 2, 3, 7, 1000])("in chunks of %d bytes", async (size) => {
  const events: ServerEvent[] = [];
  for await (const event of readEvents(stream(size))) events.push(event);
  expect(events).toEqual([
    { event: "log", data: '{"a":"é"}', id: "7" },
    { event: "message", data: "x\ny", id: "7" },
  ]);
});

test("a stream that never ends a line is given up", async () => {
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024).fill(97)),
  });
  const read = async () => {
    for await (const event of readEvents(endless)) throw new Error(event.data);
  };
  await expect(read()).rejects.toThrow("endless");
});
