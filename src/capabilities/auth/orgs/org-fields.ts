/** What a request may say of an organisation: its name, slug and metadata. */
import { authErrors } from "../errors.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const NAME_MAX = 100;
const METADATA_BYTES_MAX = 4096;
const SLUG_MAX = 40;

/** Trimmed, 1 to 100 characters, no control characters. @throws validation_failed */
export function requireName(text: string): string {
  const name = text.trim();
  if (name === "" || name.length > NAME_MAX || /\p{Cc}/u.test(name)) {
    throw authErrors.validation_failed(
      `name must be 1 to ${NAME_MAX} characters without control characters`,
    );
  }
  return name;
}

/** Never in the form of an id: `X-Reactor-Org` takes both. @throws validation_failed */
export function requireSlug(slug: string): string {
  if (!SLUG.test(slug) || UUID.test(slug)) {
    throw authErrors.validation_failed(
      "slug must be 1 to 48 of a-z, 0-9 and -, with no - at either end, and not look like an id",
    );
  }
  return slug;
}

/** A slug from the name, with something random behind it so that it is free. */
export function slugFrom(name: string, random: string): string {
  const plain = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, SLUG_MAX)
    .replace(/^-+|-+$/g, "");
  const tail = random
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "")
    .slice(0, 6);
  return plain === "" ? `org-${tail}` : `${plain}-${tail}`;
}

/** Null when the body has none. @throws validation_failed */
export function readMetadata(body: JsonObject): JsonObject | null {
  const metadata = objectOf(body, "metadata");
  if (metadata && Buffer.byteLength(JSON.stringify(metadata)) > METADATA_BYTES_MAX) {
    throw authErrors.validation_failed(
      `metadata is limited to ${METADATA_BYTES_MAX} bytes of JSON`,
    );
  }
  return metadata;
}

/** @throws validation_failed */
export const readName = (body: JsonObject) => requireName(textOf(body, "name"));
