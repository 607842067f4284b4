/** Codes as an authenticator shows them. */

import { URI } from "otpauth";

/** The code that an authenticator makes of a `TOTP: otpauth://…` line or its URI. @param steps so many half minutes from now */
export function codeOf(line: string, steps = 0): string {
  const totp = URI.parse(line.replace(/^TOTP: /, ""));
  return totp.generate({ timestamp: Date.now() + steps * 30_000 } as never);
}

/** A code that is wrong. */
export function wrongCode(line: string): string {
  const near = new Set([-2, -1, 0, 1, 2].map((steps) => codeOf(line, steps)));
  for (let n = 0;; n++) {
    const code = `${n}`.padStart(6, "0");
    if (!near.has(code)) return code;
  }
}
