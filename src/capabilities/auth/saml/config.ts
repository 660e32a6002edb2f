/** The `[auth.saml]` table: this server as a SAML 2.0 service provider. */
import { Type } from "@sinclair/typebox";

export const samlConfig = Type.Object(
  {
    enabled: Type.Boolean({
      default: true,
      description:
        "Serves the service provider; it takes nobody in until an identity provider is added",
    }),
    idp_initiated: Type.Boolean({
      default: false,
      description:
        "Takes responses that nobody asked for, as portals send them. They cannot be bound to a browser: somebody may be signed in as another",
    }),
    private_key: Type.String({
      default: "",
      secret: true,
      vault: true,
      maxLength: 8192,
      description:
        "PEM (PKCS 8, RSA) by which requests are signed and encrypted assertions opened; may be vault:path; empty = neither",
    }),
    certificate: Type.String({
      default: "",
      maxLength: 8192,
      description: "PEM of the certificate of that key, for the metadata",
    }),
  },
  { description: "SAML 2.0 service provider. See docs/auth.md" },
);
