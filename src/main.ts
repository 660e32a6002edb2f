/** Entry of the program: child-process roles first, so that they load nothing of the server. */
import { playRole } from "./roles.ts";

await playRole(process.argv.slice(2));
