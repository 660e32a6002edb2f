import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartupError } from "../../core/startup-error.ts";
import { unpackBackup } from "./read-backup.ts";
import { createSealing } from "./seal.ts";
import { TAR_END, tarEntry } from "./tar.ts";
import { BACKUP_FORMAT } from "./write-backup.ts";

const folder = mkdtempSync(join(tmpdir(), "reactor-backup-"));
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const sumOf = (content: Uint8Array) => new Bun.CryptoHasher("sha256").update(content).digest("hex");

interface Parts {
  /** Files of the cluster as they lie in the archive. */
  readonly cluster?: Readonly<Record<string, string>>;
  /** Those the manifest speaks of. */
  readonly promised?: Readonly<Record<string, string>>;
  readonly vaultKey?: string;
  readonly format?: number;
  readonly manifest?: (text: string) => string;
}

const CLUSTER = { "base/1": "rows", "global/pg_control": "control" };
const VAULT_KEY = "the vault key";

function manifestOf(files: Readonly<Record<string, string>>): string {
  const rows = Object.entries(files).map(([Path, text]) => ({
    ...{ Path, Size: bytes(text).byteLength, "Checksum-Algorithm": "SHA256" },
    Checksum: sumOf(bytes(text)),
  }));
  const head = `{"Files": ${JSON.stringify(rows)},\n`;
  return `${head}"Manifest-Checksum": "${sumOf(bytes(head))}"}\n`;
}

/** An archive as `writeBackup` lays it out, into which faults can be put. */
function archive(parts: Parts): Uint8Array {
  const { cluster = CLUSTER, promised = CLUSTER, manifest = (text) => text } = parts;
  const head = {
    ...{ format: parts.format ?? BACKUP_FORMAT, created_at: "", reactor_version: "9.9.9" },
    ...{ postgres_major: 18, files: { "reactor/vault.key": sumOf(bytes(VAULT_KEY)) } },
  };
  const entries = {
    "reactor/backup.json": JSON.stringify(head),
    "reactor/vault.key": parts.vaultKey ?? VAULT_KEY,
    ...cluster,
    "reactor/cluster.json": manifest(manifestOf(promised)),
  };
  const blocks = Object.entries(entries).map(([name, text]) => tarEntry(name, bytes(text), 0));
  return Buffer.concat([...blocks, TAR_END]);
}

function sealed(packed: Uint8Array): Uint8Array {
  const sum = createSealing();
  sum.update(packed);
  return Buffer.concat([packed, sum.seal()]);
}

let count = 0;
async function unpack(parts: Parts, cut = 0) {
  const at = join(folder, String(++count));
  const packed = sealed(Bun.zstdCompressSync(archive(parts)));
  await Bun.write(`${at}.backup`, packed.subarray(0, packed.length - cut));
  const cluster = join(at, "cluster");
  return { at, cluster, unpacked: await unpackBackup(`${at}.backup`, cluster, () => undefined) };
}

async function refusal(parts: Parts, cut = 0): Promise<string> {
  const error = await unpack(parts, cut).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StartupError)) throw error ?? new Error("the backup was accepted");
  return `${error.code}: ${error.message}`;
}

describe("a backup", () => {
  test("is unpacked whole, cluster and small files", async () => {
    const { cluster, unpacked } = await unpack({});
    expect(readFileSync(join(cluster, "base/1"), "utf8")).toBe("rows");
    expect(unpacked).toMatchObject({ clusterFiles: 2, clusterBytes: 11 });
    expect(unpacked.files.get("reactor/vault.key")).toEqual(bytes(VAULT_KEY));
  });

  test("with a changed, shortened or missing file of the cluster is damaged", async () => {
    for (const text of ["ROWS", "row", "rows "]) {
      const cluster = { ...CLUSTER, "base/1": text };
      expect(await refusal({ cluster })).toContain("backup_damaged");
    }
    expect(await refusal({ cluster: { "base/1": "rows" } })).toContain("global/pg_control is not");
  });

  test("with a changed vault key is damaged", async () => {
    expect(await refusal({ vaultKey: "another key" })).toContain("reactor/vault.key is not");
  });

  test("with a changed manifest is damaged, though its files fit", async () => {
    const manifest = (text: string) => text.replace("base/1", "base/2");
    const cluster = { "base/2": "rows", "global/pg_control": "control" };
    expect(await refusal({ cluster, manifest })).toContain("its manifest is not as it was");
  });

  test("with a byte changed that no checksum of its own covers is damaged", async () => {
    const { at } = await unpack({});
    const bytes = readFileSync(`${at}.backup`);
    for (let position = 0; position < bytes.length; position += 1) {
      const changed = Buffer.from(bytes);
      changed[position] = (changed[position] ?? 0) ^ 0x01;
      await Bun.write(`${at}.changed`, changed);
      const unpacking = unpackBackup(`${at}.changed`, join(at, `c${position}`), () => undefined);
      await expect(unpacking).rejects.toMatchObject({ code: "backup_damaged" });
    }
  });

  test("that ends too early is damaged", async () => {
    expect(await refusal({}, 20)).toContain("backup_damaged");
  });

  test("writes nothing outside its folder", async () => {
    const cluster = { ...CLUSTER, "../outside": "x" };
    expect(await refusal({ cluster })).toContain('it holds the path "../outside"');
    expect(existsSync(join(folder, String(count), "outside"))).toBe(false);
  });

  test("of a later format is refused with the version that made it", async () => {
    expect(await refusal({ format: BACKUP_FORMAT + 1 })).toContain("backup_too_new");
    expect(await refusal({ format: BACKUP_FORMAT + 1 })).toContain("9.9.9");
  });
});
