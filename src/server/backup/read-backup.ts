/**
 * Unpacks a backup into a folder, checking each file of the cluster against the manifest that
 * PostgreSQL made of it. Whatever does not fit ends the restore: a damaged backup must not become a
 * running server.
 */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { StartupError } from "../../core/startup-error.ts";
import { createSealing, SEAL_BYTES } from "./seal.ts";
import { BACKUP_FORMAT, type BackupHead } from "./write-backup.ts";

/** Our own small files in the archive. */
const OWN_FILE_BYTES_MAX = 256 * 1024 * 1024;

export interface UnpackedBackup {
  readonly head: BackupHead;
  /** Small files by name, e.g. `reactor/vault.key`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** How much of the cluster was checked. */
  readonly clusterFiles: number;
  readonly clusterBytes: number;
}

interface FileSum {
  readonly sizeBytes: number;
  readonly sha256: string;
}

interface ClusterManifest {
  readonly Files: readonly {
    readonly Path: string;
    readonly Size: number;
    readonly Checksum: string;
  }[];
}

export function damaged(what: string, cause?: unknown): StartupError {
  return new StartupError({
    code: "backup_damaged",
    message: `The backup is damaged: ${what}`,
    hint: "Nothing of it was kept; use another backup",
    exitCode: 4,
    cause,
  });
}

/** @param onProgress called with the bytes of the cluster written so far. */
export async function unpackBackup(
  file: string,
  clusterDir: string,
  onProgress: (bytes: number) => void,
): Promise<UnpackedBackup> {
  const own = new Map<string, Uint8Array>();
  const sums = new Map<string, FileSum>();
  await readArchive(file, async (header, content) => {
    if (header.name.startsWith("reactor/")) own.set(header.name, await small(header, content));
    else if (header.type === "directory")
      await mkdir(inside(clusterDir, header.name), { recursive: true, mode: 0o700 });
    else sums.set(header.name, await writeFile(clusterDir, header, content, onProgress));
  });
  const head = readHead(own.get("reactor/backup.json"));
  for (const [name, sha256] of Object.entries(head.files)) {
    if (sha256Of(own.get(name) ?? new Uint8Array()) !== sha256)
      throw damaged(`${name} is not as it was`);
  }
  return { head, files: own, ...checkCluster(own.get("reactor/cluster.json"), sums) };
}

async function readArchive(
  file: string,
  onEntry: (header: Header, content: Readable) => Promise<void>,
): Promise<void> {
  const unpacker = extract();
  const bytes = await openSealed(file);
  const plain = bytes.pipeThrough(new DecompressionStream("zstd" as CompressionFormat) as never);
  const done = pipeline(Readable.fromWeb(plain as never), unpacker);
  // An entry that waits for bytes which never come must end with the archive that broke off.
  const broken = done.then(() => new Promise<never>(() => undefined));
  broken.catch(() => undefined);
  try {
    for await (const entry of unpacker) {
      await Promise.race([onEntry(entry.header, entry as unknown as Readable), broken]);
      entry.resume();
    }
    await done;
  } catch (error) {
    unpacker.destroy();
    if (error instanceof StartupError) throw error;
    throw damaged("it does not unpack", error);
  }
}

/**
 * Reads the whole file once against the seal at its end, and gives what lies before it. First, because
 * a decompressor that is fed damaged bytes need not come to an end.
 */
async function openSealed(file: string): Promise<ReadableStream<Uint8Array>> {
  const { size } = Bun.file(file);
  const sealAt = size - SEAL_BYTES;
  if (sealAt <= 0) throw damaged("it is too short");
  const sum = createSealing();
  for await (const bytes of Bun.file(file).slice(0, sealAt).stream()) sum.update(bytes);
  const seal = await Bun.file(file).slice(sealAt, size).bytes();
  if (!Buffer.from(seal).equals(sum.seal())) throw damaged("its checksum does not fit");
  return Bun.file(file).slice(0, sealAt).stream();
}

async function small(header: Header, content: Readable): Promise<Uint8Array> {
  if ((header.size ?? 0) > OWN_FILE_BYTES_MAX) throw damaged(`${header.name} is too large`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** The path of an entry, which may not leave the folder. */
function inside(dir: string, name: string): string {
  const path = normalize(join(dir, name));
  if (path !== normalize(dir) && !path.startsWith(`${normalize(dir)}/`)) {
    throw damaged(`it holds the path ${JSON.stringify(name)}`);
  }
  return path;
}

async function writeFile(
  dir: string,
  header: Header,
  content: Readable,
  onProgress: (bytes: number) => void,
): Promise<FileSum> {
  if (header.type !== "file") throw damaged(`${header.name} is a ${header.type ?? "thing"}`);
  const path = inside(dir, header.name);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const hash = new Bun.CryptoHasher("sha256");
  let sizeBytes = 0;
  const counter = new Transform({
    transform(chunk: Uint8Array, _encoding, next) {
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
      onProgress(chunk.byteLength);
      next(null, chunk);
    },
  });
  await pipeline(content, counter, createWriteStream(path, { mode: 0o600, flags: "wx" }));
  return { sizeBytes, sha256: hash.digest("hex") };
}

function readHead(bytes: Uint8Array | undefined): BackupHead {
  if (!bytes) throw damaged("it does not say what it is");
  const head = parse<BackupHead>(bytes);
  if (head.format > BACKUP_FORMAT) {
    throw new StartupError({
      code: "backup_too_new",
      message: `The backup was made by Reactor ${head.reactor_version}, which is newer than this one`,
      hint: "Restore it with that version or a later one",
      exitCode: 1,
    });
  }
  return head;
}

/** Every file the manifest names must be there, of its size and with its checksum. */
function checkCluster(bytes: Uint8Array | undefined, sums: ReadonlyMap<string, FileSum>) {
  if (!bytes) throw damaged("it ends too early");
  checkManifest(bytes);
  const manifest = parse<ClusterManifest>(bytes);
  let clusterBytes = 0;
  for (const { Path, Size, Checksum } of manifest.Files) {
    const sum = sums.get(Path);
    if (sum?.sizeBytes !== Size || sum.sha256 !== Checksum)
      throw damaged(`${Path} is not as it was`);
    clusterBytes += Size;
  }
  return { clusterFiles: manifest.Files.length, clusterBytes };
}

function sha256Of(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function parse<T>(bytes: Uint8Array): T {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as T;
  } catch (error) {
    throw damaged("a description in it cannot be read", error);
  }
}

/** PostgreSQL docs, Backup Manifest Format: the last line is the SHA-256 of all before it. */
function checkManifest(bytes: Uint8Array): void {
  const text = Buffer.from(bytes);
  const at = text.lastIndexOf('"Manifest-Checksum"');
  const sum = /"Manifest-Checksum": "([0-9a-f]{64})"/.exec(
    text.subarray(Math.max(at, 0)).toString(),
  )?.[1];
  if (at < 0 || sha256Of(text.subarray(0, at)) !== sum)
    throw damaged("its manifest is not as it was");
}
