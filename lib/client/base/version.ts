/** The client's version, which `HELLO` and `--version` name; a test compares it with the project's. */
export const version = "0.1.0";
