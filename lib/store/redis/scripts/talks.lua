-- Stands before the scripts that write or read talks: which of an inbox's messages came from whom.
-- A sender's numbers are one string of 6 bytes each, ascending, at the key '<talks>:<sender>'; <talks> itself is a sorted
-- set, sender → newest number. 'indexed' in the inbox's meta is the number up to which the log is in there. All of these
-- keys are in the inbox's slot.
local width = 6
local function numberAt(numbers, index)
  return (struct.unpack('>I6', redis.call('GETRANGE', numbers, index * width, index * width + width - 1)))
end
-- How many of the numbers are less than one.
local function countBelow(numbers, bound)
  local low, high = 0, redis.call('STRLEN', numbers) / width
  while low < high do
    local middle = math.floor((low + high) / 2)
    if numberAt(numbers, middle) < bound then low = middle + 1 else high = middle end
  end
  return low
end
-- Adds the number of a message that is in the log. What the log has lost is cut off when it is half of the numbers.
local function addToTalk(talks, sender, seq, log)
  sender = string.lower(sender)
  local numbers = talks .. ':' .. sender
  local count = redis.call('APPEND', numbers, struct.pack('>I6', seq)) / width
  redis.call('ZADD', talks, string.format('%.0f', seq), sender)
  if count % 64 == 0 then
    local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    local lost = countBelow(numbers, tonumber(string.match(oldest[1], '^%d+')))
    if lost * 2 >= count then redis.call('SET', numbers, redis.call('GETRANGE', numbers, lost * width, -1)) end
  end
end
-- Forgets the senders of whom the log has nothing from a number on.
local function forgetTalks(talks, keep)
  local bound = string.format('(%.0f', keep)
  for _, sender in ipairs(redis.call('ZRANGEBYSCORE', talks, '-inf', bound, 'LIMIT', 0, 256)) do
    redis.call('DEL', talks .. ':' .. sender)
    redis.call('ZREM', talks, sender)
  end
end
-- Forgets the numbers of one sender's before one.
local function cutTalk(talks, sender, keep)
  local numbers = talks .. ':' .. sender
  local lost = countBelow(numbers, keep)
  if lost == 0 then return end
  if lost * width < redis.call('STRLEN', numbers) then
    redis.call('SET', numbers, redis.call('GETRANGE', numbers, lost * width, -1))
  else
    redis.call('DEL', numbers)
    redis.call('ZREM', talks, sender)
  end
end
