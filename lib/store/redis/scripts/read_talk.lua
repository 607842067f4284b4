-- Reads messages of one sender from an inbox. An inbox of an earlier release, or one that another release wrote to
-- meanwhile, is indexed first: so many messages at a time, so that nobody else waits long.
-- KEYS meta, log, talks
-- ARGV an epoch in case there is none of this generation, the generation, the sender, the number and the time in ms
--      before which they are ('' for any), how many messages, how many are kept, for how many ms, how many are indexed
--      in one step
-- Returns {'behind'} where it is to be called again, or {'page', epoch, now, entries}, each entry {'seq-0', {fields}}.
local meta, log, talks = KEYS[1], KEYS[2], KEYS[3]
local epoch, generation, sender, before, time, limit, most, age, step = unpack(ARGV)
ensureEpoch(meta, epoch, generation)
local state = redis.call('HMGET', meta, 'epoch', 'seq', 'read', 'indexed')
local seq, read, indexed = tonumber(state[2] or '0'), tonumber(state[3] or '0'), tonumber(state[4] or '0')

if indexed < seq then
  local from, to = string.format('(%.0f-0', indexed), string.format('%.0f-0', seq)
  local entries = redis.call('XRANGE', log, from, to, 'COUNT', step)
  for _, entry in ipairs(entries) do
    local body = entry[2][6]
    indexed = tonumber(string.match(entry[1], '^%d+'))
    addToTalk(talks, string.match(body, '^{"from":"([%w_-]+)"') or cjson.decode(body).from, indexed, log)
  end
  if #entries < tonumber(step) then indexed = seq end
  redis.call('HSET', meta, 'indexed', string.format('%.0f', indexed))
  if indexed < seq then return {'behind'} end
end

local first = firstKept(log, seq, read, most, age, true)
local bound = seq + 1
if before ~= '' then bound = math.min(bound, tonumber(before)) end
if time ~= '' then bound = math.min(bound, firstSince(log, first, seq, tonumber(time))) end
local numbers = talks .. ':' .. string.lower(sender)
local high = countBelow(numbers, bound)
local low = math.max(countBelow(numbers, first), high - tonumber(limit))
local entries = {}
for index = low, high - 1 do
  local id = string.format('%.0f-0', numberAt(numbers, index))
  table.insert(entries, redis.call('XRANGE', log, id, id)[1])
end
return {'page', state[1], now(), entries}
