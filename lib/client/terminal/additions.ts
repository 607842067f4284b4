import { LocalCommands } from "../session/local_commands.ts";
import { reconnectCommand } from "../session/reconnect.ts";
import type { Session } from "../session/session.ts";
import { transferCommands } from "../transfer/commands.ts";
import { Offers } from "../transfer/offers.ts";
import { Transfers, type TransfersOptions } from "../transfer/transfers.ts";
import type { Update } from "../session/update.ts";

/** What the client adds to what a server offers: commands of its own, numbers for the files that are offered. */
export class Additions {
  readonly own = new LocalCommands();
  readonly offers = new Offers();
  readonly transfers: Transfers;

  constructor(session: Session, options: Pick<TransfersOptions, "downloads" | "clock">) {
    this.transfers = new Transfers({ ...options, session, offers: this.offers });
    this.own.add(...transferCommands(this.transfers, session), reconnectCommand(session));
  }

  /** What a person is to see of an update, and the lines to show after it. */
  explain(update: Update): { update: Update; lines: readonly string[] } {
    return this.own.explain(this.offers.label(update));
  }
}
