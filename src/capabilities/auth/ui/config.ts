/** `[auth.ui]`: the ready pages under `/auth/ui`. */
import { Type } from "@sinclair/typebox";

export const uiConfig = Type.Object(
  {
    enabled: Type.Boolean({ default: true, description: "Serves the pages" }),
    name: Type.String({
      default: "Reactor",
      minLength: 1,
      maxLength: 60,
      description: "What the pages call the app",
    }),
    logo: Type.String({
      default: "",
      maxLength: 1024,
      description:
        "A picture (SVG, PNG, JPEG, WebP) for the head of each page, a path in the project's folder; empty = the name alone",
    }),
    css: Type.String({
      default: "",
      maxLength: 1024,
      description:
        "A style sheet that is read after the pages' own, a path in the project's folder; it usually sets their CSS variables",
    }),
    sso: Type.Boolean({
      default: false,
      description:
        "Shows single sign-on (SAML, by the domain of an address) among the ways to sign in",
    }),
    session_s: Type.Integer({
      minimum: 300,
      maximum: 31_536_000,
      default: 604_800,
      description: "How long a browser stays signed in on the pages, seconds from the sign-in",
    }),
  },
  { description: "The ready pages under `/auth/ui`: sign-in, account and their like" },
);
