-- Makes the store hold a session that its connection still has.
-- KEYS session, account, grants, tokens, memberships, devices
-- ARGV user, server id, server instance, connection, claim, room, hash of the resume token, a token's life in ms,
--      how often the password may have been changed, when the account was made ('' where that does not matter), device,
--      when its user logged in, what the client calls itself, '1' where the session is in many rooms, how often its account's
--      had changed by what the connection knows, and these rooms, …
-- Returns {'superseded'}, {'disabled'} (the account is), {'outdated'} (the password is), {'lost'} (there is no such account
-- any more), or {'held' or 'gone' (it had to be claimed anew), claim, the session that was there as pairs, grants as pairs,
-- the rooms that it is in, how often its account's have changed}.
local user, server, instance, connection, claim, room, hash, life, passwords, created = unpack(ARGV, 1, 10)
local device, since, client, many, changes = unpack(ARGV, 11, 15)
local session, account, grants, tokens, memberships, devices = unpack(KEYS)
if redis.call('EXISTS', account) == 0 then return {'lost'} end
local made = tonumber(redis.call('HGET', account, 'created') or '')
if created ~= '' and made and made ~= tonumber(created) then return {'lost'} end
if redis.call('HGET', account, 'disabled') == '1' then return {'disabled'} end
if passwords ~= '' and tonumber(redis.call('HGET', account, 'passwords') or '0') > tonumber(passwords) then
  return {'outdated'}
end
local held = redis.call('HGET', session, 'connection')
local earlier, granted = redis.call('HGETALL', session), redis.call('HGETALL', grants)
local claimant, newest = string.match(redis.call('HGET', devices, device) or '', '^(%S+) (%d+)')
-- Somebody else made a newer claim of this device, which may have ended since. An older one is from before the store lost
-- data, and one of this connection's own was made here without its server being told.
if held ~= connection and newest and tonumber(newest) > tonumber(claim) and claimant ~= connection then return {'superseded'} end
-- Always a new claim: a server that is just ending the session, because it thinks this one dead, ends an older one.
local claims = tonumber(redis.call('HGET', account, 'claims') or '0')
claim = string.format('%.0f', math.max(tonumber(claim), claims) + 1)
redis.call('HSET', account, 'claims', claim)
keepDevice(devices, device, connection, claim, nowText(), life)
redis.call('HSET', session, 'user', user, 'device', device, 'server', server, 'instance', instance,
  'connection', connection, 'claim', claim, 'since', since, 'client', client, 'room', room, 'attached', '1', 'many', many)
local rooms, known = {room}, tonumber(redis.call('HGET', account, 'rooms') or '0')
if many == '1' then
  -- Where the store lost data, the connection knows the account's rooms better; else the user may have changed them on
  -- another device since.
  if known < tonumber(changes) then
    local joined = {}
    for i = 16, #ARGV do joined[ARGV[i]] = redis.call('HGET', memberships, ARGV[i]) or '' end
    redis.call('DEL', memberships)
    for name, position in pairs(joined) do redis.call('HSET', memberships, name, position) end
    redis.call('HSET', account, 'rooms', changes)
    known = tonumber(changes)
  end
  rooms = redis.call('HKEYS', memberships)
end
for _, name in ipairs(rooms) do redis.call('HSET', grants, 'room:' .. name, claim) end
if redis.call('HGET', tokens, 'current') ~= hash then
  redis.call('HSET', tokens, 'current', hash, 'previous', '', 'revoked', '')
elseif not held then
  local away = redis.call('HGET', tokens, 'away')
  if away then redis.call('HSET', account, 'away', away) end
end
redis.call('HDEL', tokens, 'away')
redis.call('HSET', tokens, 'room', room, 'since', since, 'generation', redis.call('HGET', account, 'generation') or '0')
redis.call('PEXPIRE', tokens, life)
return {held and 'held' or 'gone', tonumber(claim), earlier, granted, rooms, known}
