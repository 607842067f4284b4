const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const SO_ACCEPTCONN = 30;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_INFO = 11;
const TCP_USER_TIMEOUT = 18;
const TCP_NOTSENT_LOWAT = 25;
const SHUT_RDWR = 2;
const RLIMIT_NOFILE = 7;
const AF_INET = 2;
const AF_INET6 = 10;

/** A silent peer is asked for a sign of life after so long, in seconds, and again this often, so many times. */
const keepalive = { idle: 60, interval: 20, probes: 3 };

/** How long a peer may leave what was sent unacknowledged before its connection breaks, in milliseconds. */
const userTimeoutMs = 60_000;

/**
 * How much the kernel takes for a peer that does not read, beyond what is on its way, in bytes. Else it takes some
 * megabytes for each, which no queue of ours knows of.
 */
const unsentBytes = 131_072;

/** After so many numbers in a row that are no open descriptor, there are no more. */
const longestHole = 1_024;

const symbols = {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true }, // glibc's own
} as const;

type Libc = Deno.DynamicLibrary<typeof symbols>;

/**
 * What Linux can do for a server's sockets and Deno's interface does not offer: options, and an end for doomed ones.
 *
 * `Deno.listenTls` sets no socket options, closing a connection whose peer stalls leaves its descriptor open until the
 * peer goes, and closing a listening socket resets who is in its queue. All are asked of libc here, through FFI:
 *
 * 1. options are set once, on the listening socket: accepted ones inherit them (tcp(7), and `tcp_create_openreq_child` in
 *    the kernel), so that a connection costs nothing;
 * 2. a doomed connection is shut down by its descriptor, which fails every read and write on it: Deno then frees it.
 *    Deno does not tell descriptors; they are found by asking each for its peer, all doomed ones in one round;
 * 3. of several listening sockets on one port, the newest get all new connections (socket(7), SO_ATTACH_REUSEPORT_CBPF):
 *    the others' queues run empty, and then closing them resets nobody.
 *
 * Descriptors belong to the process, and other workers' threads open and close theirs meanwhile. A doomed connection's
 * cannot be among those that change: its own thread is busy here, and nobody else closes it.
 *
 * Elsewhere than on Linux, or without the permission `ffi`, there is no kernel to ask, and the server does without.
 */
export class LinuxSockets implements Disposable {
  readonly #libc: Libc;
  readonly #address = new Uint8Array(28); // struct sockaddr_in6, the larger of the two
  readonly #length = new Uint32Array(1);
  readonly #value = new Int32Array(1);

  private constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** @returns the kernel, or undefined where it cannot be asked */
  static open(): LinuxSockets | undefined {
    if (Deno.build.os !== "linux") return undefined;
    if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
    try {
      return new LinuxSockets(Deno.dlopen("libc.so.6", symbols));
    } catch {
      return undefined; // another libc
    }
  }

  /**
   * Sets the options that accepted connections are to have: no delay for small writes, signs of life, and an end for
   * peers that no longer acknowledge.
   *
   * @param port what the listening socket is bound to; workers have one each, and whose is whose cannot be told
   * @returns whether such a socket was found
   */
  tuneListener(port: number): boolean {
    let found = false;
    for (const fd of this.#listening(port)) {
      this.#set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
      this.#set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
      this.#set(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive.idle);
      this.#set(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive.interval);
      this.#set(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive.probes);
      this.#set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, userTimeoutMs);
      this.#set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsentBytes);
      found = true;
    }
    return found;
  }

  /**
   * Has new connections to a port go to the newest of its listening sockets only.
   *
   * The kernel numbers a port's sockets in the order in which they began to listen, and asks a small program which one
   * is to have a connection. Where that names one that is not there (any more), it chooses among all, as without it.
   *
   * @param older how many there are besides the newest
   * @returns whether the kernel will do so
   */
  preferNewest(port: number, older: number): boolean {
    const listening = [...this.#listening(port)];
    const newest = listening.length - older;
    if (newest < 1) return false;
    const [loadWord, modulo, add, answer, random] = [0x20, 0x94, 0x04, 0x16, 0xfffff000 + 56]; // linux/filter.h
    const steps = [[loadWord, random], [modulo, newest], [add, older], [answer, 0]];
    const program = new Uint8Array(8 * steps.length); // struct sock_filter[]
    const view = new DataView(program.buffer);
    steps.forEach(([code, value], index) => {
      view.setUint16(8 * index, code, true);
      view.setUint32(8 * index + 4, value, true);
    });
    const header = new BigUint64Array(2); // struct sock_fprog: how many, and where
    header[0] = BigInt(steps.length);
    header[1] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(program));
    const { setsockopt } = this.#libc.symbols;
    return setsockopt(listening[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, new Uint8Array(header.buffer), 16) === 0;
  }

  /** How many connections wait on a port to be accepted, on the socket that has the most of them. */
  waiting(port: number): number {
    const info = new Uint32Array(64); // struct tcp_info; of a listening socket, tcpi_unacked is its queue's length
    let most = 0;
    for (const fd of this.#listening(port)) {
      this.#length[0] = info.byteLength;
      const failed = this.#libc.symbols.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, this.#length);
      if (!failed) most = Math.max(most, info[6]);
    }
    return most;
  }

  /**
   * Shuts connections down at once, and fails the reads and writes that are pending on them.
   *
   * @returns how many were found
   */
  cut(conns: Iterable<Deno.Conn>): number {
    const doomed = new Set<string>();
    for (const { localAddr, remoteAddr } of conns) {
      const local = localAddr as Deno.NetAddr;
      const remote = remoteAddr as Deno.NetAddr;
      doomed.add(`${local.port} ${canonical(remote.hostname)} ${remote.port}`);
    }
    let found = 0;
    if (doomed.size === 0) return found;
    for (const fd of this.#descriptors()) {
      const peer = this.#end(fd, "getpeername");
      if (!peer) continue;
      const own = this.#end(fd, "getsockname");
      if (!own || !doomed.delete(`${own.port} ${peer.host} ${peer.port}`)) continue;
      this.#libc.symbols.shutdown(fd, SHUT_RDWR);
      found++;
      if (doomed.size === 0) break;
    }
    return found;
  }

  /** The options that a socket of this port has: those that are set here, for a test to compare. */
  optionsOf(conn: Deno.Conn): { noDelay: boolean; keepAlive: boolean; userTimeoutMs: number } | undefined {
    const local = conn.localAddr as Deno.NetAddr;
    const remote = conn.remoteAddr as Deno.NetAddr;
    for (const fd of this.#descriptors()) {
      if (this.#end(fd, "getsockname")?.port !== local.port) continue;
      if (this.#end(fd, "getpeername")?.port !== remote.port) continue;
      return {
        noDelay: this.#option(fd, IPPROTO_TCP, TCP_NODELAY) !== 0,
        keepAlive: this.#option(fd, SOL_SOCKET, SO_KEEPALIVE) !== 0,
        userTimeoutMs: this.#option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) ?? 0,
      };
    }
  }

  /** How many descriptors the process has open, and how many it may have. */
  descriptors(): { open: number; most: number } {
    let open = 0;
    for (const _ of this.#descriptors()) open++;
    const limits = new BigUint64Array(2); // struct rlimit: the limit that holds, and how far it could be raised
    const failed = this.#libc.symbols.getrlimit(RLIMIT_NOFILE, limits);
    return { open, most: failed ? NaN : Number(limits[0]) };
  }

  /** Has the allocator give back what it holds free: a crowd's handshakes leave 30 MB behind. Takes up to 20 ms. */
  giveBack(): void {
    this.#libc.symbols.malloc_trim?.(0n);
  }

  [Symbol.dispose](): void {
    this.#libc.close();
  }

  /** This process's sockets that listen on a port. */
  *#listening(port: number): Generator<number> {
    for (const fd of this.#descriptors()) {
      if (this.#option(fd, SOL_SOCKET, SO_ACCEPTCONN) === 1 && this.#end(fd, "getsockname")?.port === port) yield fd;
    }
  }

  *#descriptors(): Generator<number> {
    const F_GETFD = 1;
    for (let fd = 0, hole = 0; hole < longestHole; fd++) {
      if (this.#libc.symbols.fcntl(fd, F_GETFD) < 0) hole++;
      else {
        hole = 0;
        yield fd;
      }
    }
  }

  #set(fd: number, level: number, option: number, value: number): void {
    this.#value[0] = value;
    this.#libc.symbols.setsockopt(fd, level, option, this.#value, 4);
  }

  #option(fd: number, level: number, option: number): number | undefined {
    this.#length[0] = 4;
    const failed = this.#libc.symbols.getsockopt(fd, level, option, this.#value, this.#length);
    return failed ? undefined : this.#value[0];
  }

  /** One end of a socket, or undefined where the descriptor is no internet socket or has no such end. */
  #end(fd: number, which: "getsockname" | "getpeername"): { host: string; port: number } | undefined {
    this.#length[0] = this.#address.length;
    if (this.#libc.symbols[which](fd, this.#address, this.#length) !== 0) return undefined;
    const view = new DataView(this.#address.buffer);
    const family = new Uint16Array(this.#address.buffer, 0, 1)[0];
    const port = view.getUint16(2);
    if (family === AF_INET) return { host: this.#address.subarray(4, 8).join("."), port };
    if (family !== AF_INET6) return undefined;
    const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(8 + 2 * index).toString(16));
    return { host: canonical(groups.join(":")), port };
  }
}

/** An address in one spelling; an IPv4 address in an IPv6 one is the former. */
function canonical(host: string): string {
  if (!host.includes(":")) return host;
  const spelled = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(spelled);
  if (!mapped) return spelled;
  const [high, low] = [parseInt(mapped[1], 16), parseInt(mapped[2], 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
