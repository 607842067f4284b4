-- Stands before the scripts that write or read talks: which of an inbox's messages came from whom, and which copies in a
-- log of what a user sent are of messages to whom.
-- A sender's (or recipient's) numbers are one string of 6 bytes each, ascending, at the key '<talks>:<name>'; <talks>
-- itself is a sorted set, name → newest number. 'indexed' in the log's meta is the number up to which the log is in there.
-- All of these keys are in the inbox's slot.
local width = 6
-- Whose talk a message is of.
local function otherOf(body, sent)
  if sent then return string.match(body, '^{"received":%d+,"to":"([%w_-]+)"') or cjson.decode(body).to end
  return string.match(body, '^{"from":"([%w_-]+)"') or cjson.decode(body).from
end
-- How many messages the sender of a copy had received before, and its message's number in the recipient's inbox.
local function receivedOf(body)
  return tonumber(string.match(body, '^{"received":(%d+)') or cjson.decode(body).received)
end
local function originalOf(body)
  return tonumber(string.match(body, '^{"received":%d+,"to":"[%w_-]+","copyOf":{"seq":(%d+)') or cjson.decode(body).copyOf.seq)
end
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
-- The entry of a log with a number, if it is kept.
local function entryAt(log, number)
  local id = string.format('%.0f-0', number)
  return redis.call('XRANGE', log, id, id)[1]
end
-- How many of the numbers are of copies of which something, that grows with them, is less than a bound.
local function countCopies(numbers, log, valueOf, bound)
  local low, high = 0, redis.call('STRLEN', numbers) / width
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = entryAt(log, numberAt(numbers, middle))
    if not entry or valueOf(entry[2][6]) < bound then low = middle + 1 else high = middle end
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
