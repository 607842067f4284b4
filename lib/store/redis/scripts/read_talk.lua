-- Reads one side of a talk: messages of one sender in an inbox, or copies of messages to one recipient. A log of an earlier
-- release, or one that another release wrote to meanwhile, is indexed first: so many messages at a time, so that nobody else
-- waits long.
-- KEYS meta, log, talks, the meta of the inbox of whose talk it is
-- ARGV an epoch in case there is none of this generation, the generation, the other, the number and the time in ms
--      before which they are, how many messages, how many are kept, for how many ms, how many are indexed in one step,
--      the number after which they are, and of copies how many messages had been received and which number their messages
--      have at most, less one ('' for any); '1' for copies
-- Returns {'behind'} where it is to be called again, or {'page', epoch, now, entries, the inbox's newest number}, each entry
-- {'seq-0', {fields}}.
local meta, log, talks, inbox = unpack(KEYS)
local epoch, generation, other, before, time, limit, most, age, step, after, received, original, copies = unpack(ARGV)
local sent = copies == '1'
ensureEpoch(meta, epoch, generation)
local state = redis.call('HMGET', meta, 'epoch', 'seq', 'read', 'indexed')
local seq, read, indexed = tonumber(state[2] or '0'), tonumber(state[3] or '0'), tonumber(state[4] or '0')

if indexed < seq then
  local from, to = string.format('(%.0f-0', indexed), string.format('%.0f-0', seq)
  local entries = redis.call('XRANGE', log, from, to, 'COUNT', step)
  for _, entry in ipairs(entries) do
    indexed = tonumber(string.match(entry[1], '^%d+'))
    addToTalk(talks, otherOf(entry[2][6], sent), indexed, log)
  end
  if #entries < tonumber(step) then indexed = seq end
  redis.call('HSET', meta, 'indexed', string.format('%.0f', indexed))
  if indexed < seq then return {'behind'} end
end

local first = firstKept(log, seq, read, most, age, not sent)
local bound = seq + 1
if before ~= '' then bound = math.min(bound, tonumber(before)) end
if time ~= '' then bound = math.min(bound, firstSince(log, first, seq, tonumber(time))) end
local numbers = talks .. ':' .. string.lower(other)
local low, high = countBelow(numbers, first), countBelow(numbers, bound)
if received ~= '' then high = math.min(high, countCopies(numbers, log, receivedOf, tonumber(received))) end
if original ~= '' then high = math.min(high, countCopies(numbers, log, originalOf, tonumber(original))) end
if after == '' then
  low = math.max(low, high - tonumber(limit))
else
  low = math.max(low, countBelow(numbers, tonumber(after) + 1))
  high = math.min(high, low + tonumber(limit))
end
local entries = {}
for index = low, high - 1 do table.insert(entries, entryAt(log, numberAt(numbers, index))) end
return {'page', state[1], now(), entries, tonumber(redis.call('HGET', inbox, 'seq') or '0')}
