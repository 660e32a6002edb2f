import { expect } from "bun:test";

/** The data of an answer of a client library that is no error. */
export function ok<A extends { data: unknown; error: unknown }>(
  answer: A,
): Extract<A, { error: null }>["data"] {
  expect(answer.error).toBeNull();
  return answer.data as Extract<A, { error: null }>["data"];
}
