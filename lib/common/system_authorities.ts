/** Where systems keep the authorities that they trust, as one file: Debian, Fedora, SUSE, Alpine and macOS. */
export const systemAuthorities = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
] as const;
