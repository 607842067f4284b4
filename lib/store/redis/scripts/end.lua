-- Ends a session, if it is still the connection's, by the same claim. Whose last session ends is away no longer: a resume
-- brings it back.
-- KEYS session, tokens, account, devices
-- ARGV connection, '1' to revoke the resume tokens, claim, device, for how long that is remembered in ms
-- Returns 'not_held' where it is no longer this connection's, 'ended' where the user goes on with others, else 'offline'.
local session, tokens, account, devices = unpack(KEYS)
local connection, revoke, claim, device, life = unpack(ARGV)
local held = redis.call('HMGET', session, 'connection', 'claim')
if held[1] and (held[1] ~= connection or held[2] ~= claim) then return 'not_held' end
local others = isLive(redis.call('HGETALL', devices), device)
local away = not others and redis.call('HGET', account, 'away')
if away then redis.call('HDEL', account, 'away') end
if not held[1] then return 'not_held' end
redis.call('DEL', session)
local entry = redis.call('HGET', devices, device)
if entry and string.match(entry, '^%S+') == connection then
  keepDevice(devices, device, '-', string.match(entry, '^%S+ (%d+)'), nowText(), life)
end
if revoke == '1' then
  redis.call('DEL', tokens)
elseif away and redis.call('EXISTS', tokens) == 1 then
  redis.call('HSET', tokens, 'away', away)
end
return others and 'ended' or 'offline'
