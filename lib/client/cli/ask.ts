import type { Screen } from "../terminal/screen.ts";

const answers: Readonly<Record<string, boolean>> = { "": false, n: false, no: false, y: true, yes: true };

/**
 * Asks a person, until the answer is one; Enter alone, and who leaves, say no.
 *
 * @param prompt the question, which should end in "[no] "
 */
export async function askYesNo(
  screen: Pick<Screen, "read">,
  prompt: string,
  signal?: AbortSignal,
): Promise<boolean> {
  for (let question = prompt;; question = `Answer yes or no. ${prompt}`) {
    const answer = await screen.read({ prompt: question, keep: true, ...(signal ? { signal } : {}) });
    const meant = answers[(answer ?? "").trim().toLowerCase()];
    if (meant !== undefined) return meant;
  }
}
