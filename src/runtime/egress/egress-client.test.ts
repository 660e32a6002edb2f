/** What a child makes of answers that nobody should send: each costs its own exchange and no other. */
import { expect, test } from "bun:test";
import { FRAME, FrameLink, WINDOW_BYTES } from "../link/frame-link.ts";
import { EgressClient } from "./egress-client.ts";

function createClient() {
  const sent: [type: number, number: number][] = [];
  const socket = { write: (bytes: Uint8Array) => bytes.length, end: () => undefined };
  const link = new FrameLink(socket, { frame: () => undefined, head: () => undefined });
  link.send = (type, number) => void sent.push([type, number]);
  const client = new EgressClient(link);
  const head = { to: "web", url: "http://a/", method: "GET", headers: [], hasBody: false } as const;
  const ask = () => client.send(head, null, null);
  const say = (type: number, number: number, payload: string | Uint8Array) =>
    client.take(type, number, new Uint8Array(Buffer.from(payload)));
  return { client, sent, ask, say };
}

test.each([
  ["a status", { status: 999, headers: [] }, /999/],
  ["a low status", { status: 150, headers: [] }, /150/],
  ["a header's name", { status: 200, headers: [["a b", "c"]] }, /a b/],
  ["a header's value", { status: 200, headers: [["a", "b\0c"]] }, /./],
  ["headers", { status: 200, headers: null }, /./],
])("%s that no Response takes rejects that exchange only", async (_, head, said) => {
  const { ask, say, sent } = createClient();
  const [bad, good] = [ask(), ask()];
  const refused = bad.catch((error: unknown) => error);
  say(FRAME.response, 1, JSON.stringify(head));
  say(FRAME.response, 2, JSON.stringify({ status: 200, headers: [] }));
  say(FRAME.end, 2, "");
  expect(await (await good).text()).toBe("");
  expect(await refused).toBeInstanceOf(TypeError);
  expect(String(await refused)).toMatch(said);
  expect(sent).toContainEqual([FRAME.cancel, 1]);
});

test("so does a head that is no JSON, and a body that overruns its window breaks off", async () => {
  const { ask, say } = createClient();
  const noJson = ask().catch((error: unknown) => error);
  const overrun = ask();
  say(FRAME.response, 1, "{");
  say(FRAME.response, 2, JSON.stringify({ status: 200, headers: [] }));
  say(FRAME.data, 2, new Uint8Array(WINDOW_BYTES));
  expect(await noJson).toBeInstanceOf(TypeError);
  await expect((await overrun).text()).rejects.toThrow("overruns");
});
