/** The doctor's look at the certificate: its files, dates, names, key and authority. */

import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Config } from "../config/config.ts";
import { CertificateError } from "../tls/authority.ts";
import { type Certificates, ensureCertificates } from "../tls/certificates.ts";
import { type Finding, openToOthers } from "./finding.ts";

/** So many days before its end a certificate is to be renewed. */
const renewDays = 14;

/** What was found, and the certificate, if there is one. */
export interface CertificateExamined {
  readonly findings: readonly Finding[];
  readonly certificate: Certificates | undefined;
}

/** Examines the files that the configuration names; makes none. */
export async function examineCertificate(config: Config, now = new Date()): Promise<CertificateExamined> {
  const subject = "certificate";
  const { certFile, keyFile } = config;
  if (![certFile, keyFile].some(exists)) {
    const text = `there is none at ${certFile} yet: the server makes one, with an authority of its own`;
    return { findings: [{ subject, state: "warn", text, advice: "fine for trying out" }], certificate: undefined };
  }
  let certificate: Certificates;
  try {
    certificate = await ensureCertificates({ certFile, keyFile });
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return { findings: [{ subject, state: "fail", text: error.message }], certificate: undefined };
  }
  const leaf = new X509Certificate(certificate.cert);
  const findings: Finding[] = [dates(leaf, now), names(leaf, config.serverHost), authority(leaf, certificate)];
  const mode = openToOthers(keyFile);
  if (mode !== undefined) {
    const advice = `chmod 600 ${keyFile}`;
    findings.push({ subject: "private key", state: "warn", text: `${keyFile} is open to others (${mode})`, advice });
  } else findings.push({ subject: "private key", state: "ok", text: "it is the certificate's, and its owner's alone" });
  return { findings, certificate };
}

function dates(leaf: X509Certificate, now: Date): Finding {
  const subject = "certificate";
  const [from, to] = [leaf.validFromDate, leaf.validToDate];
  const until = to.toISOString().slice(0, 10);
  const days = Math.floor((to.getTime() - now.getTime()) / 86_400_000);
  const advice = "renew it, put the files in place, and run reload";
  if (from > now) {
    const text = `it is not valid before ${from.toISOString()}`;
    return { subject, state: "fail", text, advice: "look at this machine's clock" };
  }
  if (days < 0) return { subject, state: "fail", text: `it expired on ${until}`, advice };
  const text = `it is valid until ${until}, for ${days} days`;
  return days < renewDays ? { subject, state: "warn", text, advice } : { subject, state: "ok", text };
}

function names(leaf: X509Certificate, host: string): Finding {
  const subject = "names";
  const listed = (leaf.subjectAltName ?? "").split(", ").map((name) => name.replace(/^(DNS|IP Address):/, ""));
  const text = `clients may connect to ${listed.join(", ")}`;
  if (leaf.subjectAltName === undefined) {
    const text = "it names no host, so no client accepts it";
    return { subject, state: "fail", text, advice: "make one with the names by which clients reach the server" };
  }
  const anywhere = host === "0.0.0.0" || host === "::";
  if (anywhere || (isIP(host) ? leaf.checkIP(host) : leaf.checkHost(host))) return { subject, state: "ok", text };
  const advice = "make sure that clients use one of these names";
  return { subject, state: "warn", text: `${text}, which SERVER_HOST ${host} is not`, advice };
}

function authority(leaf: X509Certificate, { caFile, cert }: Certificates): Finding {
  const subject = "authority";
  if (caFile) return { subject, state: "ok", text: `${caFile} signed it: give that to clients` };
  const chain = cert.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 1;
  if (leaf.checkIssued(leaf)) {
    return { subject, state: "warn", text: "it signed itself", advice: "clients must be given it as their authority" };
  }
  const issuer = leaf.issuer.replaceAll("\n", ", ");
  if (chain > 1) return { subject, state: "ok", text: `it is signed by ${issuer}, and brings its chain` };
  const advice = "if clients refuse it, use the file with the whole chain (fullchain.pem)";
  return { subject, state: "warn", text: `it is signed by ${issuer}, and brings no chain`, advice };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
