/**
 * One file with everything an installation is, taken while it runs: the cluster as PostgreSQL's own
 * BASE_BACKUP streams it (with the WAL that makes it consistent), its manifest of checksums, the
 * vault key and the configuration. A tar archive, zstd-compressed; never whole in memory.
 * PostgreSQL docs: Streaming Replication Protocol, BASE_BACKUP.
 */
import type { Clock } from "../../core/ports/clock.ts";
import { sealing } from "./seal.ts";
import { TAR_END, tarEntry, withoutTarEnd } from "./tar.ts";

/** Bump when `read-backup` could no longer read what is written. */
export const BACKUP_FORMAT = 1;

export interface BackupHead {
  readonly format: number;
  readonly created_at: string;
  readonly reactor_version: string;
  readonly postgres_major: number;
  /** sha256 of each small file, by its name in the archive. */
  readonly files: Readonly<Record<string, string>>;
}

export interface BackupSource {
  /** Messages of BASE_BACKUP's CopyOut, as they come. */
  readonly messages: AsyncIterable<Uint8Array>;
  readonly head: Omit<BackupHead, "files">;
  /** Small files by their name in the archive, e.g. `reactor/vault.key`. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly clock: Clock;
}

export const BASE_BACKUP =
  "BASE_BACKUP (LABEL 'reactor', CHECKPOINT 'fast', WAL true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')";

const NEW_ARCHIVE = 0x6e;
const MANIFEST = 0x6d;
const DATA = 0x64;

/** The backup as a stream of its compressed bytes. */
export function writeBackup(source: BackupSource): ReadableStream<Uint8Array> {
  const plain = archive(source);
  const raw = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await plain.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await plain.return(undefined);
    },
  });
  // Bun knows zstd, its types do not yet.
  const packer = new CompressionStream("zstd" as CompressionFormat);
  return raw.pipeThrough<Uint8Array>(packer as never).pipeThrough(sealing());
}

async function* archive(source: BackupSource): AsyncGenerator<Uint8Array> {
  const mtimeS = source.clock.now() / 1000;
  const small = Object.entries(source.files);
  const sums = small.map(([name, content]) => [name, sha256Of(content)] as const);
  const head: BackupHead = { ...source.head, files: Object.fromEntries(sums) };
  yield tarEntry("reactor/backup.json", encode(head), mtimeS);
  for (const [name, content] of small) yield tarEntry(name, content, mtimeS);
  const manifest: Uint8Array[] = [];
  yield* withoutTarEnd(clusterBytes(source.messages, manifest));
  yield tarEntry("reactor/cluster.json", Buffer.concat(manifest), mtimeS);
  yield TAR_END;
}

/** The archive's bytes; the manifest that follows them is put into `manifest`. */
async function* clusterBytes(
  messages: AsyncIterable<Uint8Array>,
  manifest: Uint8Array[],
): AsyncGenerator<Uint8Array> {
  let archives = 0;
  let inManifest = false;
  for await (const message of messages) {
    const [kind] = message;
    if (kind === NEW_ARCHIVE) archives += 1;
    // One archive a tablespace; ours has one, and a second would silently be interleaved.
    if (archives > 1) throw new Error("the cluster has tablespaces outside its data folder");
    if (kind === MANIFEST) inManifest = true;
    if (kind !== DATA) continue;
    const bytes = message.slice(1);
    if (inManifest) manifest.push(bytes);
    else yield bytes;
  }
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

function sha256Of(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
