/** The server's version; a test compares it with the project's. */
export const version = "0.1.0";
