/** A message was deleted that the client may have. */
export interface DeletedEvent {
  readonly type: "deleted";
  readonly topic: string;
  /** The message's number, which it keeps. */
  readonly seq: number;
  /** Who deleted it. */
  readonly by: string;
  /** Who had written it; servers of ours tell it. */
  readonly from?: string;
  /** Up to where the client has the topic's messages. */
  readonly pos: string;
}
