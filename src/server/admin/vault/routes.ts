/** `/_admin/vault`: its state, new keys, a recovery code. */
import { Elysia, type Static, t } from "elysia";
import { readJsonObject } from "../../../core/body.ts";
import { contextOf } from "../../../core/context.ts";
import { base } from "../../../core/http.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { RotationReport, VaultStatus } from "../../../shared/vault/vault-admin.ts";
import { detail, STRICT } from "../schemas.ts";

const BODY_BYTES_MAX = 16_384;

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

export type RotateRequest = Static<typeof rotateBody>;

export interface VaultOperations {
  status(tenant: TenantCtx): Promise<VaultStatus>;
  rotate(request: RotateRequest): Promise<RotationReport>;
  recoveryCode(): Promise<{ readonly recovery_code: string }>;
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
    );
}
