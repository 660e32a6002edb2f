// A plug-in that uses every part of the AssemblyScript kit, for the comparison with the SDK.
import { Config, Host, LogLevel, Memory, Var } from "@extism/as-pdk";
import { error_set } from "@extism/as-pdk/lib/env";

function myAbort(message: string | null, file: string | null, line: u32, column: u32): void {
  fail(message == null ? "abort" : message);
  unreachable();
}

function fail(message: string): void {
  error_set(Memory.allocateString(message).offset);
}

export function count_vowels(): i32 {
  const text = Host.inputString();
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    if ("aeiouAEIOU".includes(text.charAt(i))) count += 1;
  }
  const before = Var.getString("total");
  const total = (before == null ? 0 : I32.parseInt(before)) + count;
  Var.set("total", Uint8Array.wrap(String.UTF8.encode(total.toString())));
  const tone = Config.get("tone");
  Host.outputString(
    `{"count":${count},"total":${total},"tone":"${tone == null ? "none" : tone}"}`,
  );
  return 0;
}

export function reverse(): i32 {
  const bytes = Host.input();
  bytes.reverse();
  Host.output(bytes);
  return 0;
}

export function words(): i32 {
  const words = Host.inputString().split(" ");
  const counts = new Map<string, i32>();
  for (let i = 0; i < words.length; i++) {
    counts.set(words[i], (counts.has(words[i]) ? counts.get(words[i]) : 0) + 1);
  }
  const keys = counts.keys().sort();
  let out = "";
  for (let i = 0; i < keys.length; i++) out += `${keys[i]}=${counts.get(keys[i])};`;
  Host.outputString(out);
  return 0;
}

export function chatter(): i32 {
  Host.log(LogLevel.Info, "from the guest");
  Host.outputString("said");
  return 0;
}

export function refuse(): i32 {
  fail(`no ${Host.inputString()} here`);
  return 1;
}
