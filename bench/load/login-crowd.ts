/**
 * A crowd that signs in over and over, each client waiting a moment when it is told to come back. A
 * child process of its own, told by a file of JSON; ends on SIGTERM and prints its counts as JSON.
 */
import { readFileSync } from "node:fs";

export interface CrowdOptions {
  /** Of the sign-in. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bodies; each client has one of them. */
  readonly people: readonly unknown[];
  readonly clients: number;
}

export interface CrowdCounts {
  readonly signedIn: number;
  readonly turnedAway: number;
}

const BACK_OFF_MS = 100;

async function run({ url, headers, people, clients }: CrowdOptions): Promise<CrowdCounts> {
  let going = true;
  let [signedIn, turnedAway] = [0, 0];
  process.on("SIGTERM", () => {
    going = false;
  });
  const client = async (n: number) => {
    const body = JSON.stringify(people[n % people.length]);
    while (going) {
      const response = await fetch(url, { method: "POST", headers, body });
      await response.arrayBuffer();
      if (response.ok) signedIn += 1;
      else turnedAway += 1;
      if (!response.ok) await Bun.sleep(BACK_OFF_MS);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, n) => client(n)));
  return { signedIn, turnedAway };
}

const [file = ""] = process.argv.slice(2);
console.log(JSON.stringify(await run(JSON.parse(readFileSync(file, "utf8")) as CrowdOptions)));
process.exit(0);
