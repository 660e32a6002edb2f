import { describe, expect, test } from "bun:test";
import { createMemoryLog } from "../../../test/support/memory-log.ts";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import type { NewInvocation } from "./invocation-rows.ts";
import { type RecordSink, RecordWriter } from "./record-writer.ts";
import type { NewLogLine } from "./store-records.ts";

const line = (message: string): NewLogLine => ({
  name: "hello",
  version: "v",
  request_id: null,
  level: "info",
  message,
  at: "2026-01-01T00:00:00.000Z",
});
const call: NewInvocation = {
  name: "hello",
  version: "v",
  shared: false,
  request_id: "r",
  method: "GET",
  status: 200,
  duration_ms: 1,
  cold: false,
  bytes_in: 0,
  bytes_out: 0,
  peak_memory_bytes: null,
  error_code: null,
  at: Date.UTC(2026, 0, 1),
};

function setup(overrides: Partial<RecordSink> = {}) {
  const written: string[] = [];
  /** How many calls each batch held. */
  const calls: number[] = [];
  const log = createMemoryLog();
  const sink: RecordSink = {
    logLines: async (lines) => void written.push(...lines.map((l) => l.message)),
    invocations: async (rows) => {
      rows.numbered(1);
      calls.push(rows.count);
    },
    ...overrides,
  };
  return { written, calls, log, writer: new RecordWriter(sink, log) };
}

describe("the record writer", () => {
  test("makes what a function says of itself storable, the request's id too", async () => {
    const lines: NewLogLine[] = [];
    const { writer } = setup({ logLines: async (batch) => void lines.push(...batch) });
    writer.addLine({ ...line("a\u0000b"), request_id: `\u0000\ud800${"x".repeat(50_000)}` });
    await writer.flush();
    const [{ message = "", request_id = "" } = {}] = lines;
    expect(message).toBe("a\ufffdb");
    expect(request_id).toStartWith("\ufffd\ufffdxx");
    expect(request_id?.length).toBe(200);
  });

  test("writes on the timer, in order, and not before", async () => {
    const { writer, written, calls } = setup();
    const clock = createSimClock();
    writer.start(clock);
    writer.addLine(line("one"));
    writer.addLine(line("two"));
    writer.addInvocation(call);
    expect(written).toEqual([]);
    await clock.advance(250);
    expect(written).toEqual(["one", "two"]);
    expect(calls).toEqual([1]);
    await writer.stop();
    expect(clock.pending()).toBe(0);
  });

  test("stop writes what came during the last flush", async () => {
    const { writer, written } = setup();
    writer.addLine(line("one"));
    const flushing = writer.flush();
    writer.addLine(line("two"));
    await writer.stop();
    await flushing;
    expect(written).toEqual(["one", "two"]);
  });

  test("a database that is away loses nothing within the bound", async () => {
    let away = true;
    const written: string[] = [];
    const { writer, log } = setup({
      logLines: async (lines) => {
        if (away) throw new Error("connection refused");
        written.push(...lines.map((l) => l.message));
      },
    });
    writer.addLine(line("one"));
    await writer.flush();
    away = false;
    await writer.flush();
    expect(written).toEqual(["one"]);
    expect(log.lines.map((l) => l.event)).toEqual(["functions.records_not_written"]);
  });

  test("rows that Postgres cannot take do not stop the rows after them", async () => {
    const written: string[] = [];
    const { writer } = setup({
      logLines: async (lines) => {
        if (lines[0]?.message === "bad") throw Object.assign(new Error("bad"), { code: "22021" });
        written.push(...lines.map((l) => l.message));
      },
    });
    writer.addLine(line("bad"));
    await writer.flush();
    writer.addLine(line("good"));
    await writer.flush();
    expect(written).toEqual(["good"]);
  });

  test("beyond the bound the newest are dropped and counted", async () => {
    const { writer, written, log } = setup();
    for (let n = 0; n < 10_050; n += 1) writer.addLine(line(String(n)));
    await writer.flush();
    expect(written).toHaveLength(10_000);
    expect(log.lines.at(-1)?.fields).toEqual({ count: 50 });
  });

  test("calls go in batches of 2,000, and those that come meanwhile in the next", async () => {
    const calls: number[] = [];
    const { writer } = setup({
      invocations: async (rows) => {
        if (calls.length === 0) writer.addInvocation(call);
        rows.numbered(1);
        writer.addInvocation(call);
        calls.push(rows.count);
        if (calls.length === 3) throw new Error("connection refused");
      },
    });
    for (let n = 0; n < 2_001; n += 1) writer.addInvocation(call);
    await writer.flush();
    expect(calls).toEqual([2_000, 3, 1]);
  });

  test("a batch of calls that failed is written again, whole; one at fault is left", async () => {
    const calls: number[] = [];
    const faults = ["08006", "22021", null];
    const { writer, log } = setup({
      invocations: async (rows) => {
        const code = faults.shift();
        calls.push(rows.numbered(1).length);
        if (code) throw Object.assign(new Error("no"), { code });
      },
    });
    writer.addInvocation(call);
    await writer.flush();
    writer.addInvocation({ ...call, name: "longer" });
    await writer.flush();
    await writer.flush();
    const [short = 0] = calls;
    expect(calls).toEqual([short, short, short + 1]);
    expect(log.lines.map((line) => line.fields?.["waiting"])).toEqual([1, 1]);
  });

  test("calls beyond the bound are dropped and counted, and room is room again", async () => {
    const { writer, calls, log } = setup();
    for (let n = 0; n < 10_050; n += 1) writer.addInvocation(call);
    await writer.flush();
    expect(calls).toEqual([2_000, 2_000, 2_000, 2_000, 2_000]);
    expect(log.lines.at(-1)?.fields).toEqual({ count: 50 });
    writer.addInvocation(call);
    await writer.flush();
    expect(calls.at(-1)).toBe(1);
  });

  test("text becomes storable", async () => {
    const { writer, written } = setup();
    writer.addLine(line("a\u0000b\ud800c"));
    await writer.flush();
    expect(written).toEqual(["a\ufffdb\ufffdc"]);
  });
});
