-- Stands before the script that publishes: a user's newest cids in a topic. A cid has a key of its own, which ends by the
-- clock of the machine; these are forgotten by their count, so that a clock that is set forward lets no message in twice.
local kept, lifeMs = 32, 86400000
-- Number and time of the message that was published under a cid, if it is one of these.
local function knownOf(recent, cid)
  local known = redis.call('HGET', recent, cid)
  if not known then return nil end
  local seq, time = string.match(known, '^(%d+) (%d+)$')
  return {tonumber(seq), tonumber(time)}
end
-- Remembers a cid, and forgets the oldest of twice as many as are kept.
local function remember(recent, cid, number, stamp)
  redis.call('HSET', recent, cid, number .. ' ' .. stamp)
  redis.call('PEXPIRE', recent, lifeMs)
  if redis.call('HLEN', recent) < 2 * kept then return end
  local all = redis.call('HGETALL', recent)
  local numbers = {}
  for i = 2, #all, 2 do numbers[i / 2] = tonumber(string.match(all[i], '^%d+')) end
  table.sort(numbers)
  local oldest = numbers[#numbers - kept + 1]
  for i = 2, #all, 2 do
    if tonumber(string.match(all[i], '^%d+')) < oldest then redis.call('HDEL', recent, all[i - 1]) end
  end
end

