/**
 * `bun run campaign arm64 [--release bookworm] [--kernel linux-image-cloud-arm64] [--append TEXT]
 * [--only REGEX] [--minutes 60] [TEST ...]`: the tests of what functions may not do, in the arm64
 * executable under Debian's arm64 kernel, in a machine that QEMU emulates; user-mode emulation knows no
 * seccomp. Needs Debian with qemu-system-arm; no root. `--append` goes to the kernel's command line:
 * with `lsm=capability` it has no Landlock.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openDebian } from "../support/arm64/debian.ts";
import { compareNumbers } from "../support/arm64/header-numbers.ts";
import { writeImage } from "../support/arm64/image.ts";

const REPOSITORY = resolve(import.meta.dir, "../..");
const FOLDER = join(REPOSITORY, ".build/arm64");
const TESTS = ["test/hostile/guests.test.ts", "test/hostile/unjailed.test.ts"];
/** What the executable, `unshare` and the tests need. */
const PACKAGES = ["libc6", "libgcc-s1", "libstdc++6", "util-linux", "busybox-static"];
const MACHINE = "-M virt -cpu cortex-a76 -smp 1 -m 3G -nographic -nic none -no-reboot".split(" ");

const { values, positionals } = parseArgs({
  options: {
    release: { type: "string", default: "bookworm" },
    kernel: { type: "string", default: "linux-image-cloud-arm64" },
    append: { type: "string", default: "" },
    only: { type: "string" },
    minutes: { type: "string", default: "60" },
  },
  allowPositionals: true,
});

const work = join(FOLDER, String(process.pid));
mkdirSync(work, { recursive: true });
try {
  process.exitCode = await campaign();
} finally {
  rmSync(work, { recursive: true });
}

async function campaign(): Promise<number> {
  const debian = openDebian(FOLDER, values.release);
  const [root, boot, image] = [join(work, "root"), join(work, "boot"), join(work, "image")];
  debian.unpack(PACKAGES, root);
  debian.unpack([values.kernel], boot);
  debian.unpack(["linux-libc-dev"], join(work, "headers"));
  const { known, wrong } = compareNumbers(join(work, "headers"));
  console.log(`${known} numbers of system calls are in the headers; wrong: ${wrong.length}`);
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  await finished([process.execPath, "build.ts", "--fast", "--target", "linux-arm64"], REPOSITORY);
  await writeImage({
    file: image,
    root,
    program: join(REPOSITORY, "dist/reactor-linux-arm64"),
    bun: await bunPackage(),
    tests: positionals.length > 0 ? positionals : TESTS,
    only: values.only,
  });
  const name = readdirSync(join(boot, "boot")).find((file) => file.startsWith("vmlinuz-"));
  return await runGuest(join(boot, "boot", name ?? "vmlinuz"), image);
}

/** Bun for arm64, of the version that runs this. */
async function bunPackage(): Promise<string> {
  const name = "@oven/bun-linux-aarch64";
  const folder = join(FOLDER, "npm");
  mkdirSync(folder, { recursive: true });
  await Bun.write(join(folder, "package.json"), '{ "private": true }');
  const options = ["--cpu", "arm64", "--os", "linux", "--ignore-scripts"];
  await finished([process.execPath, "add", `${name}@${Bun.version}`, ...options], folder);
  return join(folder, "node_modules", name);
}

async function finished(command: string[], cwd: string): Promise<void> {
  const child = Bun.spawn(command, { cwd, stdout: "ignore", stderr: "pipe" });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed:\n${said}`);
}

/** What the tests ended with; 1 when it did not get as far. */
async function runGuest(kernel: string, image: string): Promise<number> {
  const append = `console=ttyAMA0 quiet panic=-1 ${values.append}`;
  const files = ["-kernel", kernel, "-initrd", image, "-append", append];
  const guest = Bun.spawn(["qemu-system-aarch64", ...MACHINE, ...files], {
    stdin: "ignore",
    stderr: "inherit",
  });
  const timer = setTimeout(() => guest.kill(), Number(values.minutes) * 60_000);
  let said = "";
  for await (const piece of guest.stdout.pipeThrough(new TextDecoderStream())) {
    process.stdout.write(piece);
    said = (said + piece).slice(-10_000);
  }
  clearTimeout(timer);
  return Number(/^guest ended with (\d+)/m.exec(said)?.[1] ?? 1);
}
