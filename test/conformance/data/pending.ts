/** Rows whose feature is on its way, by page. A row that passes while it is listed fails. */
export const pending: Readonly<Record<string, readonly string[]>> = {
  errors: ["a method that there is not"],
};

/** Servers whose settings are on their way. One that starts while it is listed fails. */
export const pendingVariants: readonly string[] = [];
