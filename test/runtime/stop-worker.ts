/** Runs a rewritten module on a thread of its own, for the tests of stopping. */
import { START_EXPORT, STOP_EXPORT } from "../../src/runtime/wasm/rewrite/rewrite-module.ts";

declare const self: Worker;

interface RunMessage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly exportName: string;
}

/** A function of the host, as `input_length` is to a plug-in. */
const imports = { host: { next: (n: number) => n + 1 } };

self.onmessage = ({ data }: MessageEvent<RunMessage>) => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(data.bytes), imports);
  const stop = exports[STOP_EXPORT] as WebAssembly.Memory;
  const entered = new Int32Array(new SharedArrayBuffer(4));
  self.postMessage({ stop: new Int32Array(stop.buffer), entered });
  try {
    Atomics.store(entered, 0, 1);
    const start = exports[START_EXPORT];
    if (typeof start === "function") start();
    (exports[data.exportName] as () => unknown)();
    self.postMessage({ outcome: "returned" });
  } catch (error) {
    self.postMessage({ outcome: (error as Error).constructor.name });
  }
};
