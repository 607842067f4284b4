import { X509Certificate } from "node:crypto";
import { systemAuthorities } from "../common/system_authorities.ts";
import { readTextFile } from "../common/text_file.ts";
import { CertificateError } from "./authority.ts";

/**
 * Reads the certificates that a file holds: the server's own, and those that lead from it to an authority.
 *
 * 1. Each can be read. A TLS library that is given one which it cannot read ends the program or serves without it.
 * 2. None is missing between two that are there, in whatever order they stand. Browsers may fill such a hole by
 *    themselves, and other programs then say that they do not know the server.
 *
 * @param path the file's, for what is said of it
 * @param authority the certificate of an authority that clients are told to trust, if one is known
 * @returns the server's own certificate, which stands first
 * @throws {CertificateError} which names the file and what is wrong with it
 */
export function readChain(path: string, pem: string, authority?: X509Certificate): X509Certificate {
  const [leaf, ...rest] = certificatesIn(path, pem);
  const others = rest.filter(({ ca }) => ca); // what is no authority's leads nowhere, and does no harm
  let last = leaf;
  while (others.length > 0) {
    const next = others.findIndex((other) => isSignedBy(last, other));
    if (next < 0) break;
    [last] = others.splice(next, 1);
  }
  const isWhole = () =>
    isSelfSigned(last) || (authority !== undefined && isSignedBy(last, authority)) || isSignedBySystem(last);
  if (others.length > 0 && !isWhole()) {
    throw new CertificateError(
      `${path} has a hole: the certificate of ${nameOf(last.issuer)}, which signed that of ${
        nameOf(last.subject)
      }, is missing`,
    );
  }
  if (last === leaf && /CA Issuers/.test(leaf.infoAccess ?? "") && !isWhole()) {
    // It says where its issuer's certificate is to be had: so that is no authority which clients have anyway.
    throw new CertificateError(
      `${path} ends too soon: the certificate of ${nameOf(last.issuer)}, which signed that of ${
        nameOf(last.subject)
      }, is ` +
        "missing; give the whole chain (fullchain.pem), or put the authority's certificate beside it as ca.pem",
    );
  }
  return leaf;
}

function certificatesIn(path: string, pem: string): [X509Certificate, ...X509Certificate[]] {
  const blocks = pem.split(/(?=-----BEGIN )/).filter((block) => /^-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(block));
  const found = blocks.map((block, at) => {
    try {
      const end = block.indexOf("-----END");
      if (end < 0) throw new Error("it has no end");
      return new X509Certificate(block);
    } catch (cause) {
      const which = blocks.length === 1 ? "its certificate" : `certificate ${at + 1} of its ${blocks.length}`;
      throw new CertificateError(`${path} holds no certificate in PEM that can be read: ${which} is damaged`, {
        cause,
      });
    }
  });
  const [leaf, ...others] = found;
  if (!leaf) throw new CertificateError(`${path} holds no certificate in PEM that can be read`);
  return [leaf, ...others];
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.issuer === issuer.subject && verifies(certificate, issuer);
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return isSignedBy(certificate, certificate);
}

/** Whether an authority signed it that this system trusts. */
function isSignedBySystem(certificate: X509Certificate): boolean {
  for (const file of systemAuthorities) {
    try {
      const pems = readTextFile(file).match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
      return pems.some((pem) => isSignedBy(certificate, new X509Certificate(pem)));
    } catch {
      // Another system's place, or a file that nobody can use.
    }
  }
  return false;
}

function verifies(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    return false; // a key of another kind
  }
}

/** A name as people know it: the common name, or all of it in one line. */
function nameOf(subject: string): string {
  return /^CN=(.+)$/m.exec(subject)?.[1] ?? subject.replaceAll("\n", ", ");
}
