/** The client, with faults that nobody catches: SIGURG makes it throw, SIGIO makes it reject. */

Deno.addSignalListener("SIGURG", () => {
  throw new Error("a fault of the test's");
});
Deno.addSignalListener("SIGIO", () => void Promise.reject(new Error("a fault of the test's")));

await import("../../client.ts");
