/** The global `awslambda`: how a handler says that it streams, and with which status and headers. */
import { PassThrough } from "node:stream";
import { WITH_HEAD } from "../answer-head.ts";

const STREAMS = Symbol.for("aws.lambda.runtime.handler.streaming");

/** What a streaming handler writes to. */
export class ResponseStream extends PassThrough {
  contentType = "application/octet-stream";

  setContentType(type: string): void {
    this.contentType = type;
  }
}

export const awslambda = Object.freeze({
  streamifyResponse<T extends object>(handler: T): T {
    return Object.assign(handler, { [STREAMS]: "response" });
  },
  HttpResponseStream: Object.freeze({
    /** Sends status, headers and cookies ahead of what is written to the stream. */
    from(stream: ResponseStream, head: unknown): ResponseStream {
      stream.setContentType(WITH_HEAD);
      stream.write(JSON.stringify(head));
      stream.write(new Uint8Array(8));
      return stream;
    },
  }),
});

export function isStreaming(handler: unknown): boolean {
  return typeof handler === "function" && STREAMS in handler;
}
