/**
 * What functions that a module may import take and give: Extism runtime ABI 1.x, WASI preview 1 (witx)
 * and our own. Written as parameters, `>`, results: `i` i32, `I` i64, `f` f32, `F` f64, `v` v128.
 */
import { EXTISM_MODULE } from "./extism-imports.ts";
import { SECRET_MODULE, USER_MODULE } from "./host/outside.ts";
import type { ModuleImport } from "./inspect-module.ts";
import { WASI_MODULE } from "./wasi.ts";

const SIGNATURES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [EXTISM_MODULE]: {
    "I>I": "alloc length length_unsafe load_u64 input_load_u64 config_get var_get",
    "I>i": "load_u8 input_load_u8",
    "I>": "free error_set log_trace log_debug log_info log_warn log_error",
    "Ii>": "store_u8",
    "II>": "store_u64 output_set var_set",
    ">I": "input_offset input_length error_get http_headers",
    ">i": "get_log_level http_status_code",
    "II>I": "http_request",
  },
  [USER_MODULE]: { "I>I": "kv_get kv_delete", "II>I": "server_request kv_set" },
  [SECRET_MODULE]: { "I>I": "secret_get" },
  [WASI_MODULE]: {
    ">i": "sched_yield",
    "i>": "proc_exit",
    "i>i": "fd_close fd_datasync fd_sync proc_raise",
    "ii>i":
      "args_get args_sizes_get environ_get environ_sizes_get clock_res_get fd_fdstat_get fd_fdstat_set_flags " +
      "fd_filestat_get fd_prestat_get fd_renumber fd_tell random_get sock_shutdown",
    "iii>i":
      "fd_prestat_dir_name path_create_directory path_remove_directory path_unlink_file sock_accept",
    "iiii>i": "fd_read fd_write poll_oneoff",
    "iiiii>i": "path_filestat_get path_symlink sock_send",
    "iiiiii>i": "path_readlink path_rename sock_recv",
    "iiiiiii>i": "path_link",
    "iIi>i": "clock_time_get",
    "iII>i": "fd_allocate fd_fdstat_set_rights",
    "iI>i": "fd_filestat_set_size",
    "iIIi>i": "fd_advise fd_filestat_set_times",
    "iiiIi>i": "fd_pread fd_pwrite fd_readdir",
    "iIii>i": "fd_seek",
    "iiiiIIi>i": "path_filestat_set_times",
    "iiiiiIIii>i": "path_open",
  },
};

const BY_NAME: ReadonlyMap<string, string> = new Map(
  Object.entries(SIGNATURES).flatMap(([module, groups]) =>
    Object.entries(groups).flatMap(([signature, names]) =>
      names.split(" ").map((name) => [`${module}.${name}`, signature] as const),
    ),
  ),
);

/** Null when it fits. Of our own functions nobody has to take the result. */
export function signatureFault({ module, name, signature }: ModuleImport): string | null {
  const wanted = BY_NAME.get(`${module}.${name}`);
  if (wanted === undefined || signature === null || signature === wanted) return null;
  const isOwn = module === USER_MODULE || module === SECRET_MODULE;
  if (isOwn && signature === wanted.slice(0, wanted.indexOf(">") + 1)) return null;
  return `It imports ${module}.${name} as ${inWords(signature)}, which is ${inWords(wanted)}`;
}

const TYPES: Readonly<Record<string, string>> = {
  ...{ i: "i32", I: "i64", f: "f32", F: "f64", v: "v128" },
};

function inWords(signature: string): string {
  const [parameters = "", results = ""] = signature.split(">");
  const list = (types: string) => [...types].map((type) => TYPES[type] ?? "a reference").join(", ");
  return `(${list(parameters)}) -> (${list(results)})`;
}
