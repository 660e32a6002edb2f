/** What of the machine functions reach. Paths that do not exist are left out. */

/** Read. */
export const SYSTEM_FILES = [
  "/proc/meminfo",
  "/sys/devices/system/cpu",
  "/dev/urandom",
  "/etc/ld.so.cache",
  "/etc/localtime",
  "/usr/share/zoneinfo",
] as const;
/** Read and executed by every process. */
export const LIBRARIES = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"] as const;
/** Read and executed by programs of functions: shells, interpreters. */
export const PROGRAMS = ["/bin", "/usr/bin", "/usr/local/bin", "/usr/local/lib"] as const;
