import assert from "node:assert/strict";
import fc from "fast-check";
import { isContinuous, readOn } from "../../../lib/server/delivery/recovery.ts";
import { FakeTopics } from "../../support/fake_topics.ts";
import type { LogPosition } from "../../../lib/store/log_position.ts";

const lobby = "room:lobby";

/** A log of so many messages. */
function logOf(count: number): FakeTopics {
  const topics = new FakeTopics();
  for (let n = 0; n < count; n++) topics.write(lobby);
  return topics;
}

/** Reads on to the log's end. @returns the numbers that were read, and the gaps that were told */
async function readAll(topics: FakeTopics, from: LogPosition): Promise<{ numbers: number[]; gaps: (number | null)[] }> {
  const numbers: number[] = [];
  const gaps: (number | null)[] = [];
  for (let position = from;;) {
    const next = await readOn(topics, lobby, position, 3);
    if (next.gap) gaps.push(next.gap.to);
    numbers.push(...next.entries.map(({ seq }) => seq));
    const last = next.entries.at(-1);
    position = last ? { epoch: next.position.epoch, seq: last.seq, id: last.id } : next.position;
    if (!last && !next.gap) return { numbers, gaps };
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

Deno.test("readOn() never renews the epoch for a string that no server signed, and gives it all after a gap", async () => {
  await fc.assert(fc.asyncProperty(
    fc.nat({ max: 8 }),
    fc.constantFrom("epoch", "other"),
    fc.oneof(fc.nat({ max: 12 }), fc.maxSafeNat()),
    fc.oneof(fc.constantFrom("", "real"), fc.stringMatching(/^[a-z2-7]{1,16}$/)),
    fc.oneof(fc.constant(""), fc.stringMatching(/^\.[a-z0-9]{1,16}$/)),
    async (count, of, seq, id, signature) => {
      const topics = logOf(count);
      const { entries, epoch } = await topics.read(lobby, { after: 0, limit: 100 });
      const real = entries.find((entry) => entry.seq === seq);
      const shown = `${of === "epoch" ? epoch : of}.${seq}.${id === "real" ? real?.id ?? "" : id}${signature}`;
      const position = topics.positions.decode(lobby, shown);
      if (position === undefined) return;
      const { numbers, gaps } = await readAll(topics, position);
      await isContinuous(topics, lobby, position);
      assert.equal(topics.position(lobby).epoch, epoch);
      if (gaps.length > 0) assert.deepEqual([gaps, numbers], [[null], upTo(count)]);
      else assert.deepEqual(numbers, upTo(count).slice(seq));
    },
  ));
});

Deno.test("readOn() renews the epoch for a signed position that the log does not have", async () => {
  for (const [seq, id] of [[4, "gone"], [3, "other"]] as const) {
    const topics = logOf(3);
    const { epoch } = topics.position(lobby);
    const position = topics.positions.decode(lobby, topics.positions.encode(lobby, { epoch, seq, id }))!;
    assert.deepEqual(await readAll(topics, position), { numbers: [1, 2, 3], gaps: [null] });
    assert.notEqual(topics.position(lobby).epoch, epoch);
  }
});

Deno.test("readOn() gives a witness of a loss what others wrote since, and who has read on nothing again", async () => {
  const topics = logOf(6);
  const { epoch } = topics.position(lobby);
  const signed = (at: LogPosition) => topics.positions.decode(lobby, topics.positions.encode(lobby, at))!;
  const [three, six] = (await topics.read(lobby, { after: 0, limit: 10 })).entries.filter(({ seq }) => seq % 3 === 0);
  topics.rollBack(lobby, 4);
  for (const _ of [5, 6, 7]) topics.write(lobby); // others write before anybody notices
  const { seq, id } = topics.position(lobby);
  assert.deepEqual(await readAll(topics, signed({ epoch, seq: 6, id: six.id })), { numbers: upTo(7), gaps: [null] });
  assert.deepEqual(await readAll(topics, signed({ epoch, seq: 8, id: "eight" })), { numbers: upTo(7), gaps: [null] });
  assert.deepEqual(await readAll(topics, { epoch, seq: 3, id: three.id }), { numbers: [4, 5, 6, 7], gaps: [null] });
  assert.deepEqual(await readAll(topics, { epoch, seq, id }), { numbers: [], gaps: [null] });
});

Deno.test("readOn() gives all that the log has to a position that is two generations old", async () => {
  const topics = logOf(3);
  const { epoch, seq, id } = topics.position(lobby);
  for (let generation = 0; generation < 2; generation++) {
    await topics.renewEpoch(lobby, topics.position(lobby).epoch);
    topics.write(lobby);
  }
  assert.deepEqual(await readAll(topics, { epoch, seq, id }), { numbers: [1, 2, 3, 4, 5], gaps: [null] });
});

Deno.test("readOn() signs no id that it did not find in the log", async () => {
  const topics = logOf(9);
  const { epoch } = topics.position(lobby);
  topics.trim(lobby, 5);
  await topics.renewEpoch(lobby, epoch);
  const { position } = await readOn(topics, lobby, { epoch, seq: 4, id: "forged", given: "unsigned" }, 3);
  assert.deepEqual([position.seq, position.id, position.given], [4, "", undefined]);
});
