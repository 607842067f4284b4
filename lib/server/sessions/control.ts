/**
 * Carries out what an operator orders a running server to do.
 */

import type { Audit } from "../../observability/audit.ts";
import { getLog } from "../../observability/log.ts";
import type { Limits } from "../../limits/limits.ts";
import type { Order, OrderReport } from "../../store/servers.ts";
import type { Servers, ServerSignal } from "../../store/servers.ts";
import type { SessionManager } from "./session_manager.ts";

/** What orders need of the server. */
export interface ControlOptions {
  readonly serverId: string;
  readonly servers: Servers;
  readonly sessions: SessionManager;
  readonly limits: Pick<Limits, "held" | "clear">;
  /** Ends connections from banned networks. @returns how many */
  readonly refreshBans: () => Promise<number>;
  /** Where what an operator did is written down. */
  readonly audit?: Pick<Audit, "record"> | undefined;
  /** Reads certificate and configuration again. @returns one phrase for each thing that was done */
  readonly reload: (() => Promise<readonly string[]>) | undefined;
}

/** How many of those who have to wait are told, the longest first: a report is one message. */
const maxWaiting = 500;

const log = getLog("server", "orders");

/**
 * Obeys orders and reports the outcome. Orders and reports are signals of the store, so that they reach a server in the
 * same way with every store.
 */
export class Control {
  readonly #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Carries out an order and reports to the server that sent it. Never rejects. */
  async obey({ from, id, order }: ServerSignal & { kind: "order" }): Promise<void> {
    const { serverId: server, servers } = this.#options;
    let report: OrderReport;
    try {
      report = { server, ...await this.#carryOut(order) };
    } catch (error) {
      report = { server, failed: (error as Error).message };
    }
    const { waiting: _, sides: __, ...told } = report;
    log.info("order_obeyed", { order: order.do, ...told });
    await servers.signal(from, { kind: "report", id, report }).catch((error) => log.warn("report_failed", { error }));
  }

  async #carryOut(order: Order): Promise<Pick<OrderReport, "done" | "waiting" | "sides">> {
    const { reload, limits } = this.#options;
    switch (order.do) {
      case "reload":
        if (!reload) throw new Error("it cannot read its files again; restart it");
        return { done: await reload() };
      case "audit":
        if (!this.#options.audit) throw new Error("it has no audit log");
        this.#options.audit.record({ ...order.record, server: this.#options.serverId });
        return { done: ["wrote it into its audit log"] };
      case "expel":
        return { done: await this.#expel(order) };
      case "bans": {
        const ended = await this.#options.refreshBans();
        return { done: ended === 0 ? [] : [`closed ${ended} connection${ended === 1 ? "" : "s"}`] };
      }
      case "announce":
        this.#options.sessions.hear({
          kind: "tell_all",
          event: { type: "system", code: "announcement", message: order.text },
        });
        return { done: ["told everybody who is logged in"] };
      case "list_sides":
        return { sides: this.#options.sessions.sidesHere(order.user) };
      case "show_limits":
        return { waiting: limits.held().slice(0, maxWaiting) };
      case "clear_limits": {
        const cleared = limits.clear(order.key);
        return { done: cleared === 0 ? [] : [`cleared ${cleared} limit${cleared === 1 ? "" : "s"}`] };
      }
      default:
        throw new Error(`its release does not know the order ${JSON.stringify((order as Order).do)}`);
    }
  }

  async #expel({ user, message, deleted, ...which }: Order & { do: "expel" }): Promise<readonly string[]> {
    if (deleted) await this.#options.sessions.loadDeleted();
    // The code tells bundled clients not to come back by themselves.
    const last = { type: "system", code: "forced_logout", message } as const;
    const closed = await this.#options.sessions.expel(user, last, which);
    return closed > 0 ? [`closed ${closed} of ${user}'s connections`] : [];
  }
}
