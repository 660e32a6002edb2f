/** What the engine says of a module, without what it says of us. */
export function engineReason(error: unknown): string {
  if (!(error instanceof Error)) {
    // An exception of WebAssembly that nothing in the module caught: all that it tells is that it is one.
    return typeof error === "object" ? "The module threw an exception" : String(error);
  }
  const said = error.message.replace(/ \(evaluating '.*'\)$/s, "");
  return said.replace(/^WebAssembly\.Module doesn't/, "It doesn't");
}
