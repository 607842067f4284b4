-- Lists a user's talks by their last messages, the newest first. Talks and logs are indexed before it is called.
-- KEYS meta, log and talks of the inbox, meta, log and talks of what the user sent
-- ARGV the inbox's number and the copy's before which the last messages are ('' for any), how many talks, how many messages
--      are kept, for how many ms
-- Returns {the inbox's epoch, the other log's, {'1' for a copy, entry}, …}.
local number, copy, limit, most, age = unpack(ARGV)
local epochs, first, scores = {}, {}, {}
for side = 1, 2 do
  local meta, log = KEYS[side * 3 - 2], KEYS[side * 3 - 1]
  local state = redis.call('HMGET', meta, 'epoch', 'seq', 'read')
  epochs[side] = state[1] or ''
  first[side] = firstKept(log, tonumber(state[2] or '0'), tonumber(state[3] or '0'), most, age, side == 1)
end
local function newest(side, other)
  local seq = tonumber(redis.call('ZSCORE', KEYS[side * 3], other) or '0')
  return seq >= first[side] and entryAt(KEYS[side * 3 - 1], seq) or nil
end
local function seqOf(entry) return tonumber(string.match(entry[1], '^%d+')) end
-- Whether what was received comes behind a copy.
local function isLater(received, sent) return seqOf(received) > receivedOf(sent[2][6]) end

-- Where each side begins.
local bounds = {'+inf', '+inf'}
if number ~= '' then
  bounds[1] = copy == '0' and '(' .. number or number
  bounds[2] = '(' .. copy
  if copy == '0' then
    -- The first copy that was made when the message had been received: numbers have no holes.
    local low, high = first[2], tonumber(redis.call('HGET', KEYS[4], 'seq') or '0') + 1
    while low < high do
      local middle = math.floor((low + high) / 2)
      local entry = entryAt(KEYS[5], middle)
      if not entry or receivedOf(entry[2][6]) < tonumber(number) then low = middle + 1 else high = middle end
    end
    bounds[2] = string.format('(%.0f', low)
  end
end
-- The next candidate of a side: a talk whose last message is of that side. Others come, or came, from the other side.
local pages, at = {{}, {}}, {0, 0}
local function nextOf(side)
  while true do
    local other = table.remove(pages[side], 1)
    if not other then
      if at[side] < 0 then return nil end
      pages[side] = redis.call('ZRANGE', KEYS[side * 3], bounds[side], string.format('%.0f', first[side]), 'BYSCORE', 'REV',
        'LIMIT', at[side], limit)
      at[side] = #pages[side] < tonumber(limit) and -1 or at[side] + #pages[side]
    else
      local mine, others = newest(side, other), newest(3 - side, other)
      if mine and (not others or (side == 1 and isLater(mine, others)) or (side == 2 and not isLater(others, mine))) then
        return mine
      end
    end
  end
end
local result = {epochs[1], epochs[2]}
local received, sent = nextOf(1), nextOf(2)
while (received or sent) and #result < tonumber(limit) + 2 do
  if received and not (sent and not isLater(received, sent)) then
    table.insert(result, {'0', received})
    received = nextOf(1)
  else
    table.insert(result, {'1', sent})
    sent = nextOf(2)
  end
end
return result
