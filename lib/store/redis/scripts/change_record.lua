-- Changes a room's record that is still at a revision, which grows by one, and tells the room.
-- KEYS record, members, who is present, who the room was told is present
-- ARGV the revision, channel, what the room is told, who is no longer in the room (folded, '' for nobody), '1' where those who
--      are present are put on the list, how many fields are removed, these, and then field, value, field, value, …
-- Returns {the time, the fields after it}, or 0 where the record has changed meanwhile.
local record, members, present, told = unpack(KEYS)
local revision, channel, news, struck, lists, removed = unpack(ARGV)
if tonumber(redis.call('HGET', record, 'rev') or '0') ~= tonumber(revision) then return 0 end
local following = string.format('%.0f', tonumber(revision) + 1)
local first = 7 + tonumber(removed)
for i = 7, first - 1 do redis.call('HDEL', record, ARGV[i]) end
redis.call('HSET', record, 'rev', following)
for i = first, #ARGV, 2 do redis.call('HSET', record, ARGV[i], ARGV[i + 1]) end
if lists == '1' then
  for _, user in ipairs(redis.call('HKEYS', present)) do
    local field = 'list:' .. string.lower(user)
    if redis.call('HEXISTS', record, field) == 0 then redis.call('HSET', record, field, user) end
  end
end
if struck ~= '' then
  local isThere = false
  for _, session in ipairs(redis.call('HKEYS', members)) do
    if string.lower(string.match(session, '^[^/]*')) == struck then redis.call('HDEL', members, session) end
  end
  for _, hash in ipairs({present, told}) do
    for _, user in ipairs(redis.call('HKEYS', hash)) do
      if string.lower(user) == struck then
        redis.call('HDEL', hash, user)
        isThere = true
      end
    end
  end
  if not isThere then news = string.sub(news, 1, -2) .. ',"absent":true}' end
end
redis.call('SPUBLISH', channel, 'r ' .. following .. ' ' .. news)
return {nowText(), redis.call('HGETALL', record)}
