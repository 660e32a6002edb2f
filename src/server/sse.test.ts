import { expect, test } from "bun:test";
import { createSimClock } from "../../test/support/sim-clock.ts";
import { type EventSink, eventStream } from "./sse.ts";

function open(signals: readonly AbortSignal[] = []) {
  const clock = createSimClock();
  let sink: EventSink | undefined;
  let stopped = 0;
  const response = eventStream(clock, signals, (given) => {
    sink = given;
    return () => {
      stopped += 1;
    };
  });
  return { clock, response, push: (n: number) => sink?.push("n", { n }), stopped: () => stopped };
}

test("what is pushed arrives in order, after a first comment", async () => {
  const end = new AbortController();
  const stream = open([end.signal]);
  stream.push(1);
  stream.push(2);
  end.abort();
  expect(await stream.response.text()).toBe(
    ': open\n\nevent: n\ndata: {"n":1}\n\nevent: n\ndata: {"n":2}\n\n',
  );
  expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
});

test("a quiet stream beats", async () => {
  const end = new AbortController();
  const stream = open([end.signal]);
  await stream.clock.advance(31_000);
  end.abort();
  expect(await stream.response.text()).toBe(": open\n\n: beat\n\n: beat\n\n");
});

test("any of the signals ends it, once, and its timer with it", async () => {
  for (const at of [0, 1]) {
    const ends = [new AbortController(), new AbortController()];
    const stream = open(ends.map(({ signal }) => signal));
    ends[at]?.abort();
    ends[1 - at]?.abort();
    expect(await stream.response.text()).toBe(": open\n\n");
    expect(stream.stopped()).toBe(1);
    expect(stream.clock.pending()).toBe(0);
  }
});

test("a signal that has aborted already ends it at once", async () => {
  const stream = open([AbortSignal.abort()]);
  expect(await stream.response.text()).toBe(": open\n\n");
  expect(stream.stopped()).toBe(1);
});

test("a reader that goes away ends the subscription", async () => {
  const end = new AbortController();
  const stream = open([end.signal]);
  await stream.response.body?.cancel();
  expect(stream.stopped()).toBe(1);
  expect(stream.clock.pending()).toBe(0);
  end.abort();
  expect(stream.stopped()).toBe(1);
});

test("a reader that does not read is cut off rather than held in memory", () => {
  const stream = open();
  for (let n = 0; n < 2_000; n += 1) stream.push(n);
  expect(stream.stopped()).toBe(1);
  expect(stream.clock.pending()).toBe(0);
});
