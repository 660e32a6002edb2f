/** The ports through which capabilities meet. `needs` and `provides` name keys of this map. */
import type { AuthClient } from "./auth.ts";
import type { Deployer } from "./deployer.ts";

export interface Ports {
  readonly auth: AuthClient;
  readonly functions_deployer: Deployer;
}

export type PortName = keyof Ports;
