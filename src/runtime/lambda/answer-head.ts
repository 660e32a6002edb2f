/** What a streaming handler sends ahead of its body: status, headers and cookies as JSON, and eight zeros. */
import { type AnswerHead, BadLambdaAnswer, isRecord, responseInit } from "./http-event.ts";

/** Content type of a stream that begins with status and headers. */
export const WITH_HEAD = "application/vnd.awslambda.http-integration-response";
const HEAD_MAX = 64 * 1024;
const HEAD_END = new Uint8Array(8);

export interface Begun {
  readonly head: AnswerHead;
  /** Of the body, what came with the head. */
  readonly rest: Uint8Array;
}

/**
 * @param type content type of the stream: where it says that a head comes, there must be one
 * @throws BadLambdaAnswer
 */
export async function readHead(
  parts: AsyncGenerator<Uint8Array, void>,
  type: string,
): Promise<Begun> {
  let held = (await parts.next()).value ?? new Uint8Array();
  const mustHave = type.toLowerCase().startsWith(WITH_HEAD);
  while (mustHave && indexOfHeadEnd(held) < 0) {
    if (held.length > HEAD_MAX) throw new BadLambdaAnswer("Status and headers are too long");
    const { value, done } = await parts.next();
    if (done) throw new BadLambdaAnswer("The stream ended within its status and headers");
    held = Buffer.concat([held, value]);
  }
  const end = indexOfHeadEnd(held);
  const given = end < 0 ? null : parsed(held.subarray(0, end));
  const isHead = isRecord(given) && (mustHave || given["statusCode"] !== undefined);
  if (isHead) return { head: responseInit(given), rest: held.subarray(end + 8) };
  if (mustHave) throw new BadLambdaAnswer("Status and headers are no JSON object");
  const ownType = type === "" || /eventstream/i.test(type) ? "application/octet-stream" : type;
  return { head: { status: 200, headers: new Headers({ "content-type": ownType }) }, rest: held };
}

function indexOfHeadEnd(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(HEAD_END);
}

/** Null for what is no JSON. */
export function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
