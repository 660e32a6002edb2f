/**
 * Packages of Debian for arm64 on a Debian of any architecture: by apt with a state of its own, so that
 * nothing of the machine's changes, and unpacked without being installed.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Of a merged /usr. */
const MERGED = ["bin", "sbin", "lib"];

export interface Debian {
  /** Unpacks packages into `root`. A package that only names a kernel stands for that kernel. */
  unpack(names: readonly string[], root: string): void;
}

/** @param release `bookworm`, `trixie`, …; from the archive that the machine's own packages come from. */
export function openDebian(folder: string, release: string): Debian {
  const home = join(folder, release);
  const debs = join(home, "debs");
  for (const path of ["lists/partial", "cache/archives/partial", "debs"]) {
    mkdirSync(join(home, path), { recursive: true });
  }
  writeFileSync(join(home, "status"), "");
  writeFileSync(join(home, "sources.list"), `deb ${ownArchive()} ${release} main\n`);
  const config = join(home, "apt.conf");
  writeFileSync(config, aptConfig(home));
  const apt = (...command: string[]) => run(command, { cwd: debs, env: { APT_CONFIG: config } });
  apt("apt-get", "update");
  return {
    unpack(names, root) {
      makeRoot(root);
      const wanted = names.map((name) => kernelOf(apt("apt-cache", "depends", name)) ?? name);
      const missing = wanted.filter((name) => !debOf(debs, name));
      if (missing.length > 0) apt("apt-get", "download", ...missing);
      for (const name of wanted) unpackDeb(join(debs, debOf(debs, name) ?? name), root);
    },
  };
}

/** Address of the archive that this machine is of. */
function ownArchive(): string {
  const format = ["--format", "$(REPO_URI) $(ORIGIN) $(COMPONENT) $(RELEASE)"];
  const targets = run(["apt-get", "indextargets", ...format, "Created-By: Packages"]).split("\n");
  const found = targets.find((line) => /^\S+ Debian main [a-z]+$/.test(line));
  if (!found) throw new Error("This is no Debian: apt names no archive of its main component");
  return found.split(" ")[0] ?? "";
}

const aptConfig = (home: string) => `APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "";
Dir::Etc::SourceList "${home}/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "${home}/lists";
Dir::State::Status "${home}/status";
Dir::Cache "${home}/cache";
`;

const kernelOf = (depends: string) => /Depends: (linux-image-\S+)/.exec(depends)?.[1] ?? null;

const debOf = (folder: string, name: string) =>
  readdirSync(folder).find((file) => file.startsWith(`${name}_`)) ?? null;

function makeRoot(root: string): void {
  for (const name of MERGED) {
    mkdirSync(join(root, "usr", name), { recursive: true });
    if (!existsSync(join(root, name))) symlinkSync(`usr/${name}`, join(root, name));
  }
}

/** `dpkg-deb -x` would put a folder in the place of a link to one. */
function unpackDeb(deb: string, root: string): void {
  const options = "--keep-directory-symlink --no-same-owner";
  const script = `dpkg-deb --fsys-tarfile "$0" | tar -x ${options} -C "$1"`;
  run(["bash", "-o", "pipefail", "-c", script, deb, root]);
  for (const name of ["doc", "man", "locale", "lintian", "bash-completion", "gdb"]) {
    rmSync(join(root, "usr/share", name), { recursive: true, force: true });
  }
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function run(command: string[], { cwd, env }: RunOptions = {}): string {
  const { success, stdout, stderr } = Bun.spawnSync(command, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, LC_ALL: "C", ...env },
  });
  if (!success) throw new Error(`${command.join(" ")} failed:\n${stderr.toString()}`);
  return stdout.toString();
}
