/** Answers of functions are what `Bun.serve` makes of the same responses: bodies of every making, headers, lengths. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await createFixture();
});
afterAll(() => fixture.close());

/** By name, the body of `async (request) => …`. */
const ANSWERS: Readonly<Record<string, string>> = {
  nothing: "return new Response()",
  "null and a status": "return new Response(null, { status: 204, statusText: 'Gone home' })",
  text: "return new Response('grüße ☃')",
  "text of a type": "return new Response('a,b', { headers: { 'content-type': 'text/csv' } })",
  "an empty text": "return new Response('')",
  "a long text": "return new Response('ü'.repeat(100_000))",
  "a number": "return new Response(5)",
  bytes: "return new Response(new Uint8Array([1, 2, 255]))",
  "bytes that change later":
    "const bytes = new Uint8Array([1, 2]); const answer = new Response(bytes); bytes[0] = 9; return answer",
  buffer: "return new Response(new Uint8Array([7, 8]).buffer)",
  view: "return new Response(new DataView(new ArrayBuffer(3)))",
  "two megabytes": "return new Response(new Uint8Array(2_000_000).fill(7))",
  json: "return Response.json({ a: [1, 'ü'] }, { status: 201, headers: { 'x-a': '1' } })",
  "json by a number": "return Response.json(1, 202)",
  blob: "return new Response(new Blob(['x'], { type: 'text/css' }))",
  form: "return new Response(new URLSearchParams({ a: 'b c' }))",
  file: "return new Response(Bun.file(process.env.TMPDIR + '/page.html'))",
  stream:
    "return new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('a')); c.close(); } }))",
  "stream of texts":
    "return new Response(new ReadableStream({ start(c) { c.enqueue('a'); c.enqueue('ü'); c.close(); } }))",
  "stream with a length":
    "return new Response(new Blob(['abc']).stream(), { headers: { 'content-length': '3', 'content-type': 'a/b' } })",
  generator:
    "return new Response((async function* () { yield 'a'; yield new Uint8Array([98]); })())",
  direct:
    "return new Response(new ReadableStream({ type: 'direct', async pull(c) { c.write('a'); await c.flush(); c.write('b'); c.end(); } }))",
  redirect: "return Response.redirect('https://elsewhere.example/', 307)",
  clone: "const answer = new Response('twice'); return answer.clone()",
  "read and made anew":
    "const first = new Response('read'); return new Response(await first.text(), first)",
  "made of another":
    "const first = new Response('body', { headers: { 'content-type': 'a/b' } }); return new Response(first.body, first)",
  "a class of its own":
    "return new (class Mine extends Response { get ok() { return true; } })('mine', { headers: { 'x-b': '2' } })",
  cookies:
    "const answer = new Response('c'); answer.headers.append('set-cookie', 'a=1'); answer.headers.append('set-cookie', 'b=2, c'); return answer",
  "values again": "return new Response('v', { headers: [['x-v', '1'], ['x-v', '2']] })",
  "latin letters": "return new Response('l', { headers: { 'x-l': 'caf\\u00e9' } })",
  "what it is":
    "return new Response([new Response('') instanceof Response, Response.name, Response.prototype.constructor === Response, Response.json({}) instanceof Response].join())",
};

const codeOf = (body: string) => `export default async (request) => { ${body}; }`;

/** What a client sees; the transport's own headers aside. */
async function seen(answer: Response) {
  const { date: _, ...headers } = answer.headers.toJSON() as Record<string, unknown>;
  const { "transfer-encoding": __, "content-length": ___, connection: ____, ...own } = headers;
  return {
    status: answer.status,
    headers: own,
    body: Buffer.from(await answer.bytes()).toString("hex"),
  };
}

test.each(Object.entries(ANSWERS))("%s", async (name, body) => {
  const path = join(fixture.dir, "page.html");
  writeFileSync(path, "<p>");
  const source = body.replace("process.env.TMPDIR + '/page.html'", JSON.stringify(path));
  const file = join(fixture.dir, `peer-${Bun.hash(name).toString(36)}.mjs`);
  writeFileSync(file, codeOf(source));
  const { default: fetch } = (await import(file)) as { default(r: Request): Promise<Response> };
  using peer = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  const inside = body.replace(
    /return new Response\(Bun.file\((.*)\)\)/,
    (_, at: string) => `await Bun.write(${at}, '<p>'); return new Response(Bun.file(${at}))`,
  );
  const spec = fixture.bunSpec(`answers-${Bun.hash(name).toString(36)}`, codeOf(inside));
  const ask = async (method: string) =>
    await seen(await globalThis.fetch(peer.url, { method, redirect: "manual" }));
  expect(await answered(spec, "GET")).toEqual(await ask("GET"));
  // What GET would be told: Bun leaves types out that it finds only when it sends a body.
  const { headers, ...head } = await answered(spec, "HEAD");
  const { headers: least, ...wanted } = await ask("HEAD");
  expect(head).toEqual(wanted);
  expect(headers).toMatchObject(least);
});

async function answered(spec: ReturnType<Fixture["bunSpec"]>, method: string) {
  return await seen(await fixture.invoke(spec, { init: { method } }));
}

test("a stream that somebody else reads is a failure, and no answer that breaks off", async () => {
  const body = "const answer = new Response(new Blob(['a']).stream()); answer.body.getReader()";
  const spec = fixture.bunSpec("answers-locked", codeOf(`${body}; return answer`));
  expect((await failureOf(fixture.invoke(spec))).code).toBe("function_failed");
});
