/**
 * `deno task certs [names…] [--force] [--dir certs]`: makes the server's certificate by hand.
 *
 * It is good for the names that are given, besides localhost, its addresses and this host's name.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { CertificateError, defaultNames } from "../lib/tls/authority.ts";
import { createCertificates } from "../lib/tls/certificates.ts";

const usage = `Usage: deno task certs [names…] [--force] [--dir certs]

Makes an authority and a certificate for the names (and localhost, 127.0.0.1, ::1 and this host's name):
ca.pem, cert.pem and key.pem in the folder.

  --dir <folder>   where they go, default certs
  --force          replace what is there; clients then need the new ca.pem
`;

try {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: {
      dir: { type: "string", default: "certs" },
      force: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) console.log(usage);
  else await make(positionals, values.dir, values.force);
} catch (error) {
  const wrongUse = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  if (!wrongUse && !(error instanceof CertificateError)) throw error;
  console.error(error.message);
  if (wrongUse) console.error(`\n${usage}`);
  Deno.exitCode = 1;
}

async function make(given: readonly string[], folder: string, force: boolean): Promise<void> {
  const names = [...new Set([...given, ...defaultNames()])];
  const [caFile, certFile, keyFile] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const { fingerprint, notAfter } = await createCertificates({ certFile, keyFile, names, force });
  console.log(`For ${names.join(", ")}; until ${notAfter.toISOString().slice(0, 10)}

${caFile}  the authority, for clients to trust
${certFile}  the server's certificate
${keyFile}  its private key

SHA-256 fingerprint: ${fingerprint}

Verify it with: openssl verify -CAfile ${caFile} ${certFile}
And a running server with: openssl s_client -quiet -connect localhost:8000 -CAfile ${caFile} -verify_return_error`);
}
