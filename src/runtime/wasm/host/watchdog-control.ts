/** What the host's main thread and its watchdog share. */

/** Places in the shared words. */
export const CONTROL = {
  /** Number of the running call, 0 for none; negative once the watchdog has decided to stop it. */
  call: 0,
  /** Number of the instance that runs, 0 while there is none. */
  instance: 1,
  /** How long the running call may take, milliseconds. */
  limitMs: 2,
  /** 1 while the watchdog does not look. */
  asleep: 3,
} as const;

export const CONTROL_WORDS = 4;

export type ToWatchdog =
  | { readonly t: "control"; readonly control: Int32Array }
  | { readonly t: "instance"; readonly id: number; readonly stopWord: Int32Array }
  | { readonly t: "forget"; readonly id: number }
  | { readonly t: "wake" };
