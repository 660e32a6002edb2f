/** A misspelt key is a fault, with the nearest known one. */
import { nearestName } from "../../core/nearest-name.ts";

export function reportUnknown(
  table: Readonly<Record<string, unknown>>,
  known: readonly string[],
  fault: (text: string) => void,
): void {
  for (const key of Object.keys(table)) {
    if (known.includes(key)) continue;
    const near = nearestName(key, known);
    fault(
      `'${key.slice(0, 64)}' is not known here${near === null ? "" : `; did you mean '${near}'?`}`,
    );
  }
}
