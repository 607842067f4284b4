/**
 * What a line is after the keys that the monkey presses, written anew and from what the documentation says: a fault of
 * the client's own editor is none of this.
 */

/** A key that the model knows, by the bytes that a terminal sends for it. */
export const modelled = {
  left: "\x1b[D",
  right: "\x1b[C",
  home: "\x01",
  end: "\x1b[F",
  backspace: "\x7f",
  delete: "\x1b[3~",
  killToStart: "\x15",
  killToEnd: "\x0b",
  wordLeft: "\x1bb",
  wordRight: "\x1b[1;5C",
} as const;

/** A modelled key's name. */
export type Modelled = keyof typeof modelled;

/** A line with a cursor in it. */
export class LineModel {
  #before: string[] = [];
  #after: string[] = [];

  get text(): string {
    return [...this.#before, ...this.#after].join("");
  }

  /** Begins anew, with the cursor at the end. */
  set text(text: string) {
    this.#before = [...text];
    this.#after = [];
  }

  /** Characters are typed, or pasted. */
  type(text: string): void {
    this.#before.push(...text);
  }

  press(key: Modelled): void {
    switch (key) {
      case "left":
        return this.#move(-1);
      case "right":
        return this.#move(1);
      case "home":
        return this.#move(-this.#before.length);
      case "end":
        return this.#move(this.#after.length);
      case "backspace":
        return void this.#before.pop();
      case "delete":
        return void this.#after.shift();
      case "killToStart":
        this.#before = [];
        return;
      case "killToEnd":
        this.#after = [];
        return;
      case "wordLeft":
        return this.#move(-(/\S*\s*$/.exec(this.#before.join(""))!.map((found) => [...found].length)[0]));
      case "wordRight":
        return this.#move([.../^\s*\S*/.exec(this.#after.join(""))![0]].length);
    }
  }

  #move(by: number): void {
    const all = [...this.#before, ...this.#after];
    const at = Math.min(Math.max(this.#before.length + by, 0), all.length);
    this.#before = all.slice(0, at);
    this.#after = all.slice(at);
  }
}

/** The longest message that is stored, in bytes. */
export const maxMessageBytes = 4096;

/** How a text of several lines is answered for. */
export type Answer = "one" | "several";

/**
 * The messages that a submitted text is, as they are stored. None for a blank text, and for what is too long to be one.
 *
 * @param answer for a text of several lines
 */
export function messagesOf(text: string, answer: Answer): string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length <= 1) return lines.map((line) => line.startsWith("//") ? line.slice(1) : line).filter(fits);
  return answer === "several" ? lines.filter(fits) : [joined(lines)];
}

/** Whether one message can be made of the lines of a text. */
export function canJoin(text: string): boolean {
  return fits(joined(text.split("\n").filter((line) => line.trim() !== "")));
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => line.trim()).join(" ⏎ ");
}

function fits(message: string): boolean {
  return new TextEncoder().encode(message).length <= maxMessageBytes;
}
