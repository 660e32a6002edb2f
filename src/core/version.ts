/** The version of this program, as `package.json` has it; the build copies it into the executable. */
import { version } from "../../package.json";

export const VERSION: string = version;
