/** `/_admin/vault`: its state, new keys, a recovery code, secrets that settings name. */
import { Elysia, type Static, t } from "elysia";
import { readJsonObject } from "../../../core/body.ts";
import { contextOf } from "../../../core/context.ts";
import { base } from "../../../core/http.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { RotationReport, VaultStatus } from "../../../shared/vault/vault-admin.ts";
import { detail, STRICT } from "../schemas.ts";
import type { SecretChanges, SecretPaths } from "./setting-secrets.ts";

const BODY_BYTES_MAX = 16_384;
const SECRETS_BYTES_MAX = 1_048_576;

const rotateBody = t.Object(
  {
    key: t.Optional(
      t.String({ maxLength: 100, description: "What vault.key will be: hex or base64" }),
    ),
    passphrase: t.Optional(
      t.String({ maxLength: 4096, description: "What vault.passphrase will be" }),
    ),
  },
  STRICT,
);

const secretsBody = t.Record(t.String(), t.Union([t.String(), t.Null()]), { minProperties: 1 });

export type RotateRequest = Static<typeof rotateBody>;

export interface VaultOperations {
  status(tenant: TenantCtx): Promise<VaultStatus>;
  rotate(request: RotateRequest): Promise<RotationReport>;
  recoveryCode(): Promise<{ readonly recovery_code: string }>;
  secrets(tenant: TenantCtx): Promise<SecretPaths>;
  changeSecrets(tenant: TenantCtx, changes: SecretChanges): Promise<SecretPaths>;
}

const parse = ({ request }: { request: Request }) => readJsonObject(request, BODY_BYTES_MAX);
const SECRET_ANSWER = { "Cache-Control": "no-store" } as const;

export function vaultRoutes(operations: VaultOperations) {
  return new Elysia({ name: "server.admin.vault", normalize: false })
    .use(base())
    .get(
      "/_admin/vault",
      ({ request }) => operations.status(contextOf(request).tenant),
      detail("State of the vault", "Nothing secret."),
    )
    .post(
      "/_admin/vault/rotate",
      async ({ body }) => Response.json(await operations.rotate(body), { headers: SECRET_ANSWER }),
      {
        body: rotateBody,
        parse,
        ...detail(
          "Rotate the vault's keys",
          "Every secret is sealed anew. With `key` or `passphrase`: what the configuration will say from the next start on.",
        ),
      },
    )
    .post(
      "/_admin/vault/recovery-code",
      async () => Response.json(await operations.recoveryCode(), { headers: SECRET_ANSWER }),
      detail("Make a recovery code", "Shown this once; one before it opens nothing any more."),
    )
    .get(
      "/_admin/vault/secrets",
      ({ request }) => operations.secrets(contextOf(request).tenant),
      detail(
        "List secrets of settings",
        "Their paths. Those that Reactor keeps for itself are not among them.",
      ),
    )
    .patch(
      "/_admin/vault/secrets",
      ({ body, request }) => operations.changeSecrets(contextOf(request).tenant, body),
      {
        body: secretsBody,
        parse: ({ request }: { request: Request }) => readJsonObject(request, SECRETS_BYTES_MAX),
        ...detail(
          "Change secrets of settings",
          "Path to value, for settings that say `vault:path`; null removes. A value is never shown again.",
        ),
      },
    );
}
