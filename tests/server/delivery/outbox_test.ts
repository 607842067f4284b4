/** What the outbox promises: order, one write in flight, a bound on events, and last words that go out. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Turns } from "../../../lib/server/delivery/flush_scheduler.ts";
import { Outbox, type Sink } from "../../../lib/server/delivery/outbox.ts";
import { test } from "../../support/declare.ts";
import { settled, turn } from "../../support/turns.ts";

const turns: Turns = { schedule: (flushable) => void setImmediate(() => flushable.flush()) };

const bytes = (text: string) => new TextEncoder().encode(text);

/** A sink whose writes end when the test says so. */
class SlowSink implements Sink {
  /** What each write was given. */
  readonly writes: string[] = [];
  #settle: { resolve(count: number): void; reject(error: Error): void } | undefined;
  #length = 0;

  write(bytes: Uint8Array): Promise<number> {
    assert.equal(this.#settle, undefined, "a second write is in flight");
    this.writes.push(new TextDecoder().decode(bytes));
    this.#length = bytes.length;
    return new Promise((resolve, reject) => this.#settle = { resolve, reject });
  }

  /** Ends the write that is in flight; `count` bytes were taken. */
  async take(count = this.#length): Promise<void> {
    const { resolve } = this.#settle!;
    this.#settle = undefined;
    resolve(count);
    await turn(); // the outbox notices,
    await turn(); // and its next write is on its way
  }

  async fail(): Promise<void> {
    const { reject } = this.#settle!;
    this.#settle = undefined;
    reject(new Deno.errors.BrokenPipe("gone"));
    await turn();
  }
}

function make(limit = 1000): { sink: SlowSink; outbox: Outbox } {
  const sink = new SlowSink();
  return { sink, outbox: new Outbox(sink, turns, limit) };
}

test("Outbox.push() writes nothing at once, and all that one turn pushed in one write", async () => {
  const { sink, outbox } = make();
  for (const part of ["a\n", "b\n", "c\n"]) assert.equal(outbox.push(bytes(part)), "accepted");
  outbox.answer(bytes("d\n"));
  assert.deepEqual(sink.writes, []);
  assert.equal(outbox.pending, 8);
  await turn();
  assert.deepEqual(sink.writes, ["a\nb\nc\nd\n"]);
  assert.equal(outbox.pending, 8);
  await sink.take();
  assert.equal(outbox.pending, 0);
});

test("Outbox.push() gathers what comes while a write is in flight into the next", async () => {
  const { sink, outbox } = make();
  outbox.push(bytes("1"));
  await turn();
  for (const part of ["2", "3"]) {
    outbox.push(bytes(part));
    await turn();
  }
  outbox.answer(bytes("4"));
  await turn();
  assert.deepEqual(sink.writes, ["1"]);
  await sink.take();
  assert.deepEqual(sink.writes, ["1", "234"]);
  await sink.take();
  assert.deepEqual(sink.writes, ["1", "234"]);
});

test("Outbox.push() of no bytes writes nothing", async () => {
  const { sink, outbox } = make(0);
  assert.equal(outbox.push(new Uint8Array(0)), "accepted");
  outbox.answer(new Uint8Array(0));
  await turn();
  assert.deepEqual(sink.writes, []);
  assert.equal(await settled(outbox.written()), true);
});

test("Outbox goes on where a write stopped short", async () => {
  const { sink, outbox } = make();
  outbox.push(bytes("hello "));
  outbox.push(bytes("world"));
  await turn();
  outbox.push(bytes("!"));
  await sink.take(3);
  await sink.take(7);
  await sink.take(1);
  assert.deepEqual(sink.writes, ["hello world", "lo world", "d", "!"]);
  assert.equal(outbox.pending, 1);
  await sink.take();
  assert.equal(outbox.pending, 0);
});

test("Outbox.push() answers slow when events exceed the limit, and not before", async () => {
  const { sink, outbox } = make(10);
  assert.equal(outbox.push(bytes("12345")), "accepted");
  assert.equal(outbox.push(bytes("67890")), "accepted");
  assert.equal(outbox.push(bytes("x")), "slow");
  assert.equal(outbox.pending, 0);
  await turn();
  assert.deepEqual(sink.writes, []);
});

test("Outbox.push() does not count what is in flight", async () => {
  const { sink, outbox } = make(10);
  outbox.push(bytes("in flight!"));
  await turn();
  assert.equal(outbox.push(bytes("1234567890")), "accepted");
  assert.equal(outbox.push(bytes("x")), "slow");
  await sink.take();
  assert.deepEqual(sink.writes, ["in flight!"], "a write that has begun is not cut");
});

test("Outbox.push() does not count answers, however long", async () => {
  const { sink, outbox } = make(10);
  outbox.answer(bytes("a".repeat(100)));
  assert.equal(outbox.push(bytes("1234567890")), "accepted");
  outbox.answer(bytes("b".repeat(100)));
  assert.equal(outbox.pending, 210);
  assert.equal(outbox.push(bytes("x")), "slow");
  await turn();
  assert.deepEqual(sink.writes, []);
});

test("Outbox.push() counts anew once events are on their way", async () => {
  const { sink, outbox } = make(10);
  for (let i = 0; i < 5; i++) {
    assert.equal(outbox.push(bytes("1234567890")), "accepted");
    await turn();
    await sink.take();
  }
  assert.equal(sink.writes.length, 5);
});

test("Outbox takes nothing more after slow but the last words", async () => {
  const { sink, outbox } = make(5);
  outbox.push(bytes("12345"));
  assert.equal(outbox.push(bytes("6")), "slow");
  assert.equal(outbox.push(bytes("7")), "closed");
  outbox.answer(bytes("8"));
  assert.equal(outbox.pending, 0);
  const finished = outbox.finish(bytes("why\n"));
  await turn();
  assert.deepEqual(sink.writes, ["why\n"]);
  assert.equal(await settled(finished), false);
  await sink.take();
  assert.equal(await settled(finished), true);
});

test("Outbox.finish() after slow resolves when the write in flight and the last words are out", async () => {
  const { sink, outbox } = make(5);
  outbox.push(bytes("12345"));
  await turn();
  outbox.push(bytes("12345"));
  assert.equal(outbox.push(bytes("6")), "slow");
  const finished = outbox.finish(bytes("why\n"));
  await sink.take();
  assert.deepEqual(sink.writes, ["12345", "why\n"]);
  assert.equal(await settled(finished), false);
  await sink.take();
  assert.equal(await settled(finished), true);
});

test("Outbox.finish() writes what is queued and the last bytes, and takes nothing more", async () => {
  const { sink, outbox } = make();
  outbox.push(bytes("a\n"));
  const finished = outbox.finish(bytes("bye\n"));
  assert.equal(outbox.push(bytes("late")), "closed");
  outbox.answer(bytes("late"));
  const again = outbox.finish(bytes("later"));
  await turn();
  assert.deepEqual(sink.writes, ["a\nbye\n"]);
  assert.equal(await settled(finished), false);
  await sink.take();
  assert.equal(await settled(Promise.all([finished, again])), true);
  await turn();
  assert.deepEqual(sink.writes, ["a\nbye\n"]);
});

test("Outbox.finish() is not bounded by the limit", async () => {
  const { sink, outbox } = make(5);
  outbox.push(bytes("12345"));
  const finished = outbox.finish(bytes("a last line"));
  await turn();
  assert.deepEqual(sink.writes, ["12345a last line"]);
  await sink.take();
  await finished;
});

test("Outbox.finish() with nothing to write resolves at once", async () => {
  const { sink, outbox } = make();
  await outbox.finish();
  assert.deepEqual(sink.writes, []);
});

test("Outbox.written() resolves when all but so many bytes of what is queued now are written", async () => {
  const { sink, outbox } = make();
  outbox.push(bytes("0123456789"));
  const [all, allBut4, allBut10] = [outbox.written(), outbox.written(4), outbox.written(10)];
  assert.equal(await settled(allBut10), true);
  outbox.push(bytes("more"));
  await sink.take(6);
  // Bytes count as written when the write that they are in has ended.
  assert.deepEqual([await settled(allBut4), await settled(all)], [false, false]);
  await sink.take(4);
  assert.deepEqual([await settled(allBut4), await settled(all)], [true, true]);
  assert.equal(await settled(outbox.written(4)), true);
  const more = outbox.written();
  assert.equal(await settled(more), false);
  await sink.take();
  assert.equal(await settled(more), true);
});

test("Outbox.written() resolves when what it waits for is dropped for being slow", async () => {
  const { sink, outbox } = make(5);
  outbox.push(bytes("12345"));
  await turn();
  outbox.push(bytes("67890"));
  const [inFlight, dropped] = [outbox.written(5), outbox.written()];
  assert.equal(outbox.push(bytes("x")), "slow");
  assert.deepEqual([await settled(inFlight), await settled(dropped)], [false, false], "a write is still in flight");
  await sink.take();
  assert.deepEqual([await settled(inFlight), await settled(dropped)], [true, true]);
});

test("Outbox whose sink fails is closed: nobody waits any more", async () => {
  const { sink, outbox } = make();
  outbox.push(bytes("a"));
  await turn();
  outbox.push(bytes("b"));
  const written = outbox.written();
  await sink.fail();
  assert.equal(await settled(written), true);
  assert.equal(outbox.push(bytes("c")), "closed");
  assert.equal(outbox.pending, 0);
  await outbox.finish(bytes("d"));
  await outbox.written();
  assert.deepEqual(sink.writes, ["a"]);
});

test("Outbox.finish() resolves when the sink fails", async () => {
  const { sink, outbox } = make();
  const finished = outbox.finish(bytes("bye"));
  await turn();
  await sink.fail();
  assert.equal(await settled(finished), true);
});

test("Outbox.close() gives up what is not written", async () => {
  const { sink, outbox } = make();
  outbox.push(bytes("a"));
  const written = outbox.written();
  outbox.close();
  assert.equal(await settled(written), true);
  assert.equal(outbox.push(bytes("b")), "closed");
  await turn();
  assert.deepEqual(sink.writes, []);
});

test("Outbox writes exactly what it accepted, in order, whatever the sink takes at once", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom("push" as const, "answer" as const), length: fc.nat({ max: 8 }) }),
    fc.record({ kind: fc.constant("turn" as const) }),
    fc.record({ kind: fc.constant("take" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  );
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    let sent = "";
    let take: ((share: number) => void) | undefined;
    const sink: Sink = {
      write: (bytes) => {
        assert.equal(take, undefined, "a second write is in flight");
        return new Promise((resolve) => {
          take = (share) => {
            take = undefined;
            const count = Math.max(1, Math.round(share * bytes.length));
            sent += new TextDecoder().decode(bytes.subarray(0, count));
            resolve(count);
          };
        });
      },
    };
    const outbox = new Outbox(sink, turns, 1000);
    let accepted = "";
    let next = 0;
    for (const step of steps) {
      if (step.kind === "turn") await turn();
      else if (step.kind === "take") take?.(step.share);
      else {
        const part = Array.from({ length: step.length }, () => String.fromCharCode(0x61 + next++ % 26)).join("");
        if (step.kind === "push") assert.equal(outbox.push(bytes(part)), "accepted");
        else outbox.answer(bytes(part));
        accepted += part;
      }
    }
    const finished = outbox.finish(bytes("."));
    let done = false;
    finished.then(() => done = true);
    while (!done) {
      await turn();
      take?.(0.5);
    }
    assert.equal(sent, accepted + ".");
    assert.equal(outbox.pending, 0);
  }));
});

/** Keeps what it was told. */
class Marks {
  readonly told: number[] = [];
  written(seq: number): void {
    this.told.push(seq);
  }
}

test("Outbox tells a read mark when its bytes are written, and of one write the last", async () => {
  const { sink, outbox } = make();
  const [marks, others] = [new Marks(), new Marks()];
  outbox.push(bytes("1"), 1, marks);
  await turn();
  outbox.push(bytes("2"), 2, marks);
  outbox.push(bytes("3"), 3, marks);
  outbox.push(bytes("x"), 9, others);
  outbox.push(bytes("y"));
  assert.deepEqual([marks.told, others.told], [[], []]);
  await sink.take();
  assert.deepEqual([marks.told, others.told], [[1], []]);
  await sink.take(2);
  assert.deepEqual([marks.told, others.told], [[1], []], "the write has not ended");
  await sink.take();
  assert.deepEqual([marks.told, others.told], [[1, 3], [9]]);
});

test("Outbox tells a read mark of no bytes at once where nothing waits, and else behind what waits", async () => {
  const { sink, outbox } = make();
  const marks = new Marks();
  outbox.push(new Uint8Array(0), 1, marks);
  assert.deepEqual(marks.told, [1]);
  outbox.push(bytes("a"));
  outbox.push(new Uint8Array(0), 2, marks);
  assert.deepEqual(marks.told, [1]);
  await turn();
  await sink.take();
  assert.deepEqual(marks.told, [1, 2]);
});

test("Outbox tells no read mark of bytes that it dropped", async () => {
  const { sink, outbox } = make(5);
  const marks = new Marks();
  outbox.push(bytes("12345"), 1, marks);
  await turn();
  outbox.push(bytes("67890"), 2, marks);
  assert.equal(outbox.push(bytes("x"), 3, marks), "slow");
  assert.equal(outbox.push(bytes("y"), 4, marks), "closed");
  void outbox.finish(bytes("why"));
  await sink.take();
  await sink.take();
  assert.deepEqual(marks.told, [1]);

  const closing = make();
  closing.outbox.push(bytes("a"), 7, marks);
  await turn();
  closing.outbox.push(bytes("b"), 8, marks);
  closing.outbox.close();
  await closing.sink.take();
  assert.deepEqual(marks.told, [1]);
});

test("Outbox says once that its reader is slow, and can be finished there", async () => {
  const sink = new SlowSink();
  let told = 0;
  const onSlow = () => {
    told++;
    void outbox.finish(bytes("why"));
  };
  const outbox: Outbox = new Outbox(sink, turns, 5, { onSlow });
  outbox.push(bytes("12345"));
  assert.equal(outbox.closed, false);
  assert.equal(outbox.push(bytes("x")), "slow");
  assert.equal(outbox.push(bytes("y")), "closed");
  assert.deepEqual([told, outbox.closed], [1, true]);
  await turn();
  assert.deepEqual(sink.writes, ["why"]);
});
