import type { Bcrypt } from "./password.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0x80000;
const PRIO_PROCESS = 0;

/** Where a name begins in `struct dirent`, in bytes. */
const nameOffset = 19;

/** The name of the threads on which Deno does what would block its event loop, hashes among it. */
const poolName = "tokio-runtime-w";

/** How nice these threads are: each gets a quarter of what the event loop gets where both want the same core. */
const niceness = 6;

const symbols = {
  opendir: { parameters: ["buffer"], result: "pointer" },
  readdir: { parameters: ["pointer"], result: "pointer" },
  closedir: { parameters: ["pointer"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
} as const;

type Libc = Deno.DynamicLibrary<typeof symbols>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Has the threads that hash passwords give way to the event loop: where all cores are busy, what people say goes before
 * logins. Linux counts niceness by thread (setpriority(2), notes), and Deno does not tell its threads: they are found by
 * their name, as they may be new with every hash.
 *
 * @returns the same bcrypt on other systems, or without the permission `ffi`
 */
export function givingWay(bcrypt: Bcrypt): Bcrypt {
  const libc = openLibc();
  if (!libc) return bcrypt;
  const known = new Set<string>();
  const begun = <T>(work: Promise<T>): Promise<T> => {
    slowDown(libc, known); // by now a thread has been started for it, if it needed one
    return work;
  };
  return {
    hash: (password, cost) => begun(bcrypt.hash(password, cost)),
    compare: (password, hash) => begun(bcrypt.compare(password, hash)),
  };
}

function openLibc(): Libc | undefined {
  if (Deno.build.os !== "linux") return undefined;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  try {
    return Deno.dlopen("libc.so.6", symbols);
  } catch {
    return undefined; // another libc
  }
}

/** @param known the threads that were looked at before; those that are gone are taken out */
function slowDown({ symbols: libc }: Libc, known: Set<string>): void {
  const present = threads(libc);
  for (const thread of known) if (!present.has(thread)) known.delete(thread);
  for (const thread of present) {
    if (known.has(thread)) continue;
    known.add(thread);
    if (nameOf(thread, libc) === poolName) libc.setpriority(PRIO_PROCESS, Number(thread), niceness);
  }
}

function threads(libc: Libc["symbols"]): Set<string> {
  const found = new Set<string>();
  const folder = libc.opendir(cString("/proc/self/task"));
  if (folder === null) return found;
  for (let entry; (entry = libc.readdir(folder)) !== null;) {
    const name = new Deno.UnsafePointerView(entry).getCString(nameOffset);
    if (/^\d+$/.test(name)) found.add(name);
  }
  libc.closedir(folder);
  return found;
}

function nameOf(thread: string, libc: Libc["symbols"]): string {
  const file = libc.open(cString(`/proc/self/task/${thread}/comm`), O_RDONLY | O_CLOEXEC);
  if (file < 0) return ""; // it is gone
  const into = new Uint8Array(32);
  const length = Number(libc.read(file, into, BigInt(into.length)));
  libc.close(file);
  return decoder.decode(into.subarray(0, Math.max(0, length))).trim();
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${text}\0`);
}
