-- Stands before the scripts that count what is unread in an inbox, by sender: a hash of:sender → how many, and for which
-- messages that holds: those after `read`, up to `seq`. Where these are no longer the inbox's, the hash is brought up to
-- date from the log. What is unread is never trimmed, and what is trimmed was taken out of the count before.
local function countUnread(counts, log, after, last, step)
  local from = after + 1
  while from <= last do
    local page = redis.call('XRANGE', log, string.format('%.0f-0', from), string.format('%.0f-0', last), 'COUNT', 100)
    if #page == 0 then return end
    for _, entry in ipairs(page) do
      local body = entry[2][6]
      local sender = 'of:' .. string.lower(string.match(body, '^{"from":"([%w_-]+)"') or cjson.decode(body).from)
      if redis.call('HINCRBY', counts, sender, step) <= 0 then redis.call('HDEL', counts, sender) end
    end
    from = tonumber(string.match(page[#page][1], '^%d+')) + 1
  end
end
-- How many of a sender's are unread.
local function unreadOf(sender, counts, log, read, seq)
  local known = redis.call('HMGET', counts, 'read', 'seq')
  local from, to = tonumber(known[1] or '-1'), tonumber(known[2] or '-1')
  if to == seq and from <= read then
    countUnread(counts, log, from, read, -1)
  else
    redis.call('DEL', counts)
    countUnread(counts, log, read, seq, 1)
  end
  if from ~= read or to ~= seq then
    redis.call('HSET', counts, 'read', string.format('%.0f', read), 'seq', string.format('%.0f', seq))
  end
  return tonumber(redis.call('HGET', counts, 'of:' .. string.lower(sender)) or '0')
end
local function addUnread(sender, counts, seq)
  redis.call('HINCRBY', counts, 'of:' .. string.lower(sender), 1)
  redis.call('HSET', counts, 'seq', string.format('%.0f', seq))
end

