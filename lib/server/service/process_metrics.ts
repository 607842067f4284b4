import nodeProcess from "node:process";
import { Metrics, type Snapshot } from "../../observability/metrics.ts";
import { version } from "../../common/version.ts";
import { LinuxSockets } from "../connection/linux_sockets.ts";

/**
 * Measures the process as a whole, once for all of its workers.
 *
 * Not with prom-client's default metrics: those read /proc, which Deno allows only with all permissions, and would show
 * zeros.
 */
export class ProcessMetrics implements Disposable {
  readonly #metrics = new Metrics("process");
  readonly #sockets = LinuxSockets.open();

  /** @param store which kind of store is in use */
  constructor(store: "redis" | "sqlite") {
    const metrics = this.#metrics;
    metrics.gauge("chat_build_info", { version, deno: Deno.version.deno, store }).value = 1;
    metrics.gauge("process_start_time_seconds").value = (Date.now() - nodeProcess.uptime() * 1000) / 1000;
    const cpu = metrics.counter("process_cpu_seconds_total");
    const resident = metrics.gauge("process_resident_memory_bytes");
    const [open, most] = [metrics.gauge("process_open_fds"), metrics.gauge("process_max_fds")];
    metrics.onRead(() => {
      const { user, system } = nodeProcess.cpuUsage();
      cpu.value = (user + system) / 1e6;
      resident.value = Deno.memoryUsage().rss;
      const descriptors = this.#sockets?.descriptors();
      open.value = descriptors?.open ?? NaN;
      most.value = descriptors?.most ?? NaN;
    });
  }

  /** The values of this moment. */
  snapshot(): Snapshot[] {
    return this.#metrics.snapshot();
  }

  [Symbol.dispose](): void {
    this.#sockets?.[Symbol.dispose]();
  }
}
