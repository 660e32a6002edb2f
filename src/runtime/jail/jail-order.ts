/** What the server tells a child of its jail. Crosses the process boundary as JSON in an argument. */

export interface JailOrder {
  /** The child's own folder, absolute; it has `tmp` in it. */
  readonly dir: string;
  /** All that it may write, `dir` or its `tmp`; in `dir` it may make a socket in any case. */
  readonly write: string;
  /** Folder of the function's code, absolute, that it reads; null: it is handed its code in `dir`. */
  readonly code: string | null;
  readonly landlock: boolean;
  readonly uid: number | null;
  /** `given`: whoever started it has made them, with a network that is down. */
  readonly namespaces: "make" | "given" | "none";
  /** It hosts a program of its own, which may execute what `code` and the system have. */
  readonly program: boolean;
  /** Folders of the program when it runs from source, absolute. */
  readonly sources: readonly string[];
}

/** Bytes and files of a function's `tmp` together. */
export const TMP_BYTES = 64 * 1024 * 1024;
export const TMP_FILES = 4_096;

/** Threads of a function's process; Bun has a dozen of its own. */
export const THREADS_MAX = 100;

/** What `__program` is told, as JSON on its standard input: arguments can be read by others. */
export interface ProgramOrder {
  /** Its own folder; it has `tmp` in it. */
  readonly dir: string;
  /** Folder of its code, with the program in it. */
  readonly code: string;
  /** Name in `code`. */
  readonly file: string;
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The one TCP port that it may connect to. */
  readonly port: number;
}

/** The last argument of a role that is to seal itself in once it listens. */
export const SEALED = "sealed";
/** Where a program of its own finds the Lambda Runtime API, on a loopback of its own. */
export const RUNTIME_PORT = 9001;
