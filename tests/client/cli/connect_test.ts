import assert from "node:assert/strict";
import { askTrust, dialerOf } from "../../../lib/client/cli/connect.ts";
import type { DialError } from "../../../lib/client/net/dial.ts";
import { permitted } from "../../support/needs.ts";
import { soon, test } from "../fakes.ts";

const fingerprint = "AB:".repeat(31) + "CD";

/** The answer to the question, and what was asked. */
async function trusted(...typed: (string | undefined)[]): Promise<{ agreed: boolean; asked: string[] }> {
  const asked: string[] = [];
  const read = ({ prompt }: { prompt: string }) => (asked.push(prompt), Promise.resolve(typed.shift()));
  const agreed = await askTrust(
    { read },
    "a.example:8000",
    { fingerprint, names: ["a.example"], until: "2027-01-01" },
    40,
  );
  return { agreed, asked };
}

test("askTrust() shows the fingerprint, and trusts by nothing but yes or the fingerprint itself", async () => {
  const { agreed, asked } = await trusted("");
  assert.equal(agreed, false, "Enter alone is no");
  assert.deepEqual(asked[0].split("\n"), [
    "[CLIENT] a.example:8000 is not known",
    "here. Its certificate (for a.example,",
    "valid until 2027-01-01) is",
    "[CLIENT] SHA-256 AB:AB:AB:AB:AB:AB:AB:AB",
    ":AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:",
    "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:CD",
    "[CLIENT] The server's log has the same",
    "line at each start. Trust this",
    "certificate from now on?",
    "yes, no or the fingerprint [no] ",
  ]);
  for (const answer of ["yes", " YES ", fingerprint.toLowerCase()]) assert.ok((await trusted(answer)).agreed, answer);
  for (const answer of ["n", "No", undefined]) assert.ok(!(await trusted(answer)).agreed, answer);
  const unclear = await trusted("y", "AB:CD", "yes");
  assert.deepEqual([unclear.agreed, unclear.asked.length], [true, 3]);
  assert.equal(unclear.asked[1], "Answer yes, no or the fingerprint [no] ");
});

const files = await permitted("read", "env", "net");
test("dialerOf() says that there is no such profile where there is no such server either", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const { dial } = dialerOf({ servers: [], tofu: false, insecure: false, noProfile: 'No profile is called "typo"' });
  const error: DialError = await soon(
    dial({ host: "127.0.0.1", port }, new AbortController().signal).then(
      () => assert.fail("it connected"),
      (error) => error,
    ),
  );
  assert.equal(error.failure, "refused");
  assert.match(error.message, /^Cannot connect to 127.0.0.1:\d+: nothing .*\. No profile is called "typo"$/);
}, files);
