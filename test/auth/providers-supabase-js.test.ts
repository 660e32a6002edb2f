/** Sign-in through others as an unchanged client uses it, on a server in this process. */
import { startTestServer } from "../support/server.ts";
import { describeProviderClients } from "./provider-clients.ts";

describeProviderClients((auth) =>
  startTestServer({ only: ["auth"], config: { auth: { ...auth } } }),
);
