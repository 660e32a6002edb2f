import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostTarget } from "../pack-postgres.ts";
import { Elf } from "./elf.ts";
import { oneSessionLibrary } from "./one-session.ts";

let folder: string;
beforeAll(() => {
  const target = hostTarget();
  if (!target) throw new Error("PostgreSQL is embedded for Linux with glibc only");
  folder = mkdtempSync(join(tmpdir(), "reactor-session-"));
  writeFileSync(join(folder, "library.so"), oneSessionLibrary(target));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What `setsid` of util-linux becomes, which forks only where it leads a group. */
function inSession(preload: string | null, ...command: string[]): string {
  const { stdout, stderr } = Bun.spawnSync(["setsid", ...command], {
    env: {
      FIRST: "1",
      PATH: process.env["PATH"],
      ...(preload ? { LD_PRELOAD: preload } : {}),
      LAST: "2",
    },
    cwd: folder,
  });
  expect(stderr.toString()).toBe("");
  return stdout.toString();
}

function groupAndSession(preload: string | null) {
  const stat = inSession(preload, "cat", "/proc/self/stat");
  const [pid, , , , group, session] = stat.split(" ").map(Number);
  return { leadsGroup: group === pid, leadsSession: session === pid, session };
}

test("`setsid` makes a process group and no session", () => {
  expect(groupAndSession(null)).toMatchObject({ leadsGroup: true, leadsSession: true });
  const own = Number(readFileSync("/proc/self/stat", "latin1").split(") ")[1]?.split(" ")[3]);
  expect(groupAndSession("./library.so")).toEqual({
    leadsGroup: true,
    leadsSession: false,
    session: own,
  });
});

test("what the program starts has its other variables and does not look for the library", () => {
  const others = ["FIRST=1", "LAST=2", `PATH=${process.env["PATH"]}`];
  expect(inSession("./library.so", "env").trim().split("\n").sort()).toEqual(others);
});

// As the GNU assembler and objdump have them: the tests run on one of the two.
const CODE = {
  "linux-x64":
    "31ff31f6b86d0000000f0585c07507b8270000000f05c3" +
    "000000000000000000" +
    "488b024885c0741e81384c445f5074064883c208ebea488b42084889024883c2084885c075f0c3",
  "linux-arm64":
    "000080d2010080d2481380d2010000d4600000b5881580d2010000d4c0035fd6" +
    "430040f9630100b4640040b985898852e50baa729f00056b6000005442200091f8ffff17" +
    "430440f9438400f8c3ffffb5c0035fd6",
} as const;

test.each(["linux-x64", "linux-arm64"] as const)("%s: one function of its soname", (target) => {
  const library = oneSessionLibrary(target);
  const elf = new Elf(library);
  expect(elf.soname()).toBe("reactor-one-session.so");
  const { offset, sizeBytes } = elf.symbol("setsid");
  const code = CODE[target];
  expect(Buffer.from(library).toString("hex", offset, offset + code.length / 2)).toBe(code);
  expect(code.slice(0, sizeBytes * 2)).toEndWith(target === "linux-x64" ? "c3" : "c0035fd6");
  expect(library.length).toBeLessThan(1024);
});
