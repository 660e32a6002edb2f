import { describe, expect, test } from "bun:test";
import { inspectCode } from "./inspect-code.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
/** `(module (import "env" "f" (func)))`. */
const IMPORTS_F = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 4, 1, 0x60, 0, 0],
  ...[2, 9, 1, 3, 0x65, 0x6e, 0x76, 1, 0x66, 0, 0],
]);

describe("what code asks for", () => {
  test("imports are facts, each once and in order, with their full names", () => {
    const code = `import { x } from "reactor"; import "bun:ffi"; import "node:crypto"; import fs from "net"; import("reactor");`;
    const { imports, warnings } = inspectCode("bun", bytes(code), ["*"]);
    expect(imports).toEqual(["bun:ffi", "node:crypto", "node:net", "reactor"]);
    expect(warnings).toEqual(["it imports node:net, but a function has no sockets"]);
  });

  test("hosts are guessed from literal addresses; names that nobody calls are left out", () => {
    const code = `fetch("https://API.example.net:8443/x"); fetch("http://localhost/"); const ns = "http://www.w3.org/2000/svg"; fetch(\`https://\${host}/\`); fetch("https://api.stripe.com/v1")`;
    expect(inspectCode("bun", bytes(code), ["*"]).hosts).toEqual([
      "api.example.net",
      "api.stripe.com",
    ]);
  });

  test("a host that egress does not allow is warned of", () => {
    const code = `fetch("https://a.one.io/"); fetch("https://two.io/"); fetch("https://one.io/")`;
    const { warnings } = inspectCode("bun", bytes(code), ["*.one.io", "two.io"]);
    expect(warnings).toEqual(["it seems to call one.io, which its egress setting does not allow"]);
  });

  test("a module's imports are host functions", () => {
    expect(inspectCode("wasm", IMPORTS_F, []).imports).toEqual(["env.f"]);
  });

  test("code of many addresses and imports gives a bounded report", () => {
    const many = Array.from({ length: 500 }, (_, n) => `import "m${n}"; f("https://h${n}.io/");`);
    const { imports, hosts } = inspectCode("bun", bytes(many.join("\n")), ["*"]);
    expect([imports.length, hosts.length]).toEqual([200, 50]);
  });
});
