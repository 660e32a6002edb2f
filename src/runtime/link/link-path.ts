/** Where in a child's folder the socket of its link is, until the child has connected. */
import { join } from "node:path";

export const linkPath = (dir: string): string => join(dir, "e");
