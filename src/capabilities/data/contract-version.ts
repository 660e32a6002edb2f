/** The version of PostgREST's contract that clients may count on; they choose features by it. */
export const CONTRACT_VERSION = "14.1";
