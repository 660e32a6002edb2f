/** Codes and links as an unchanged client uses them, on a server in this process. */
import { startTestServer } from "../support/server.ts";
import { describeMailedClients } from "./mailed-clients.ts";

describeMailedClients((config) => startTestServer({ only: ["auth"], config }));
