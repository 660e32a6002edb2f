/** Mutated configuration files: the loader ends with a Config or a ConfigError, never anything else. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../src/core/config/config-error.ts";
import { loadConfig } from "../../src/core/config/load-config.ts";
import { coreSections, PROJECT_LISTS } from "../../src/core/config/sections.ts";
import { tomlLines } from "../../src/core/config/toml-lines.ts";

const dir = mkdtempSync(join(tmpdir(), "reactor-config-fuzz-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const SECRET = "hunter2hunter2";
const SAMPLE = `# a project
[server]
host = "127.0.0.1" # here
port = 7890
cors = { origins = ["https://a.test", 'https://b.test'], max_age_s = 60 }
[server.tls]
cert = '''
/etc/x.pem'''
[database]
url = ""
prepared = true
[admin]
token = "${SECRET}"
[[functions]]
name = "hello"
config = { "quoted key" = "v", when = 1979-05-27T07:32:00Z }
[[functions]]
name = """a\\"b"""
limits.memory_mb = 1_000
`;
const PIECES = [
  '"',
  "'",
  '"""',
  "'''",
  "[",
  "]",
  "[[",
  "{",
  "}",
  "=",
  "\n",
  "#",
  "\\",
  ".",
  ",",
  "\0",
];
const WORDS = [
  "nan",
  "-inf",
  "0x1F",
  "__proto__",
  "constructor",
  "é\u{1F600}",
  "env:X",
  "vault:a",
  "1e999",
];

/** mulberry32: the same 32-bit seed gives the same files. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function mutate(next: () => number): string {
  let text = SAMPLE;
  const pick = (n: number) => Math.floor(next() * n);
  for (let i = 0; i <= pick(5); i++) {
    const at = pick(text.length);
    const piece = (next() < 0.7 ? PIECES[pick(PIECES.length)] : WORDS[pick(WORDS.length)]) ?? "";
    const cut = next() < 0.5 ? 0 : 1 + pick(12);
    const extra = next() < 0.1 ? piece.repeat(200) : next() < 0.2 ? text.slice(at, at + 40) : piece;
    text = text.slice(0, at) + extra + text.slice(at + cut);
  }
  return text;
}

test("300 mutated files give a configuration or a ConfigError, and no secret is echoed", () => {
  const next = random(20_260);
  const file = join(dir, "reactor.toml");
  let refused = 0;
  for (let i = 0; i < 300; i++) {
    writeFileSync(file, mutate(next));
    try {
      loadConfig({ sections: coreSections, lists: PROJECT_LISTS, file, env: {} });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      expect(error.message).not.toContain(SECRET);
      expect(error.faults.length).toBeGreaterThan(0);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(100);
  expect(refused).toBeLessThan(300);
});

test("the line index ends on any text, and finds keys after every kind of string", () => {
  const next = random(7);
  for (let i = 0; i < 300; i++) expect(tomlLines(mutate(next))(["server"])).not.toBe(0);
  const line = tomlLines(SAMPLE);
  const text = SAMPLE.split("\n");
  const found = (path: (string | number)[]) => text[(line(path) ?? 0) - 1];
  expect(found(["server", "port"])).toBe("port = 7890");
  expect(found(["server", "tls", "cert"])).toBe("cert = '''");
  expect(found(["database", "prepared"])).toBe("prepared = true");
  expect(found(["functions", 0, "config"])).toStartWith("config =");
  expect(found(["functions", 1, "limits", "memory_mb"])).toBe("limits.memory_mb = 1_000");
  expect(line(["absent"])).toBeNull();
});
