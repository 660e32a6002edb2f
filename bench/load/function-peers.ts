/**
 * What functions are compared with, each in a process of its own: `bare` answers, `proxy` hands each
 * request on to `target` over a Unix socket, which is the least a function in another process can cost.
 * A GET is answered as the TypeScript function answers it, a POST as the module does: by its vowels' number.
 */
import { dirname, join } from "node:path";

export const ANSWER = "a short answer, as a function gives!";

const VOWELS = new Set(Buffer.from("aeiou"));

/** What workerd is told to serve: the same answer. */
export function workerdConfig(port: number): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .hello)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
const hello :Workerd.Worker = (
  modules = [(name = "worker", esModule = "export default { fetch() { return new Response('${ANSWER}') } };")],
  compatibilityDate = "2026-01-01"
);
`;
}

/** As in `functions-project.ts`: so many letters, in two digits. */
async function countVowels(request: Request): Promise<Response> {
  const input = await request.bytes();
  let count = 0;
  for (const letter of input) if (VOWELS.has(letter)) count += 1;
  return new Response(String(count).padStart(2, "0"));
}

function answer(request: Request): Response | Promise<Response> {
  return request.method === "POST" ? countVowels(request) : new Response(ANSWER);
}

function serveTarget(unix: string): void {
  const parent = process.ppid;
  Bun.serve({ unix, fetch: answer });
  setInterval(() => {
    if (process.ppid !== parent) process.exit(0);
  }, 500);
  console.log("ready");
}

async function serveProxy(folder: string): Promise<void> {
  const unix = join(folder, "target");
  const target = Bun.spawn([process.execPath, import.meta.path, "target", unix], {
    stdout: "pipe",
  });
  await target.stdout.getReader().read();
  serve((request) => fetch(request, { unix }));
}

function serve(fetch: (request: Request) => Response | Promise<Response>): void {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  console.log(`http://127.0.0.1:${server.port} ready`);
}

if (import.meta.main) {
  const [mode = "", place = dirname(import.meta.path)] = process.argv.slice(2);
  if (mode === "bare") serve(answer);
  else if (mode === "proxy") await serveProxy(place);
  else serveTarget(place);
}
