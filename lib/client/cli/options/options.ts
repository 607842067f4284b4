/** What the client is to do, as the command line, a profile and the environment say it. */

import type { ServerAddress } from "../../base/address.ts";
import type { ScreenOptions } from "../../tui/choices.ts";
import type { Shell } from "./option_table.ts";
import type { Place } from "./option_values.ts";

/** Where to, and as whom. */
export interface Target {
  readonly servers: readonly ServerAddress[];
  /** What is said where they are not there, since their name may have been meant for a profile's. */
  readonly noProfile?: string;
  readonly user?: string;
  readonly ca?: string;
  /** Whether a certificate is asked about once, and remembered. */
  readonly tofu: boolean;
  /** Whether any certificate will do. */
  readonly insecure: boolean;
  readonly passwordFile?: string;
  readonly password?: string;
  /** A code of the account's second factor. */
  readonly code?: string;
}

/** Where a message goes. */
export type Destination =
  | { readonly cmd: "say"; readonly room: string }
  | { readonly cmd: "msg"; readonly to: string }
  | { readonly cmd: "publish" };

/** To talk: as a person, a script, or a program that speaks JSON. */
export interface ChatOptions extends Target {
  readonly kind: "chat";
  readonly register: boolean;
  readonly remember: boolean;
  /** The name of this device, where it has one. */
  readonly device?: string;
  readonly json: boolean;
  readonly side: boolean;
  /** Whether a program may be in many rooms. */
  readonly manyRooms: boolean;
  /** The room that is joined after the login. */
  readonly join?: string;
  /** The folder for files that are fetched, where somebody chose one. */
  readonly downloads?: string;
  /** How the screen is to be. */
  readonly screen: Omit<ScreenOptions, "warning" | "stateFolder" | "server">;
}

/** To look for servers in the local network. */
export interface DiscoverOptions {
  readonly kind: "discover";
  readonly json: boolean;
  /** Where to ask. */
  readonly places: readonly Place[];
  /** A room to go to, on the first server that has it. */
  readonly join?: string;
  /** How to talk on the server that is chosen, in place of the servers there. */
  readonly chat: ChatOptions;
}

/** What the client is to do. */
export type Options =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | DiscoverOptions
  | { readonly kind: "completions"; readonly shell: Shell | "profiles" }
  | { readonly kind: "forget" } & Pick<Target, "servers" | "noProfile">
  | ChatOptions
  | Target & {
    readonly kind: "send";
    readonly destination: Destination;
    readonly text?: string;
    readonly file?: string;
  }
  | Target & {
    readonly kind: "tail";
    /** Each once, one at least. */
    readonly rooms: readonly string[];
    readonly count: number;
    readonly json: boolean;
  }
  | Target & {
    readonly kind: "history";
    readonly from: { readonly room: string } | { readonly user: string };
    readonly count: number;
    readonly json: boolean;
  }
  | Target & {
    readonly kind: "get";
    readonly from: { readonly room: string } | { readonly user: string };
    /** Names or ids; none lists what there is. */
    readonly files: readonly string[];
    /** A file, a folder, or `-` for the output. */
    readonly output?: string;
    readonly downloads?: string;
    readonly json: boolean;
  };
