/** What the server tells a child of its jail. Crosses the process boundary as JSON in an argument. */

export interface JailOrder {
  /** The child's own folder, absolute; it has `tmp` in it. All that it may write. */
  readonly dir: string;
  /** Folder of the function's code, absolute, that it reads; null: it is handed its code in `dir`. */
  readonly code: string | null;
  readonly landlock: boolean;
  readonly uid: number | null;
  readonly namespaces: boolean;
  /** Folders of the program when it runs from source, absolute. */
  readonly sources: readonly string[];
}

/** Bytes and files of a function's `tmp` together. */
export const TMP_BYTES = 64 * 1024 * 1024;
export const TMP_FILES = 4_096;

/** Threads of a function's process; Bun has a dozen of its own. */
export const THREADS_MAX = 100;

/** The last argument of a role that is to seal itself in once it listens. */
export const SEALED = "sealed";
