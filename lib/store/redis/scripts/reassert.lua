-- Makes the store hold a session that its connection still has.
-- KEYS session, account, grants, tokens, memberships
-- ARGV user, server id, server instance, connection, claim, room, hash of the resume token, a token's life in ms,
--      how often the password may have been changed, when the account was made ('' where that does not matter),
--      '1' where the session is in many rooms, and these: what the connection knows becomes its account's
-- Returns {'superseded'}, {'disabled'} (the account is), {'outdated'} (the password is), {'lost'} (there is no such account
-- any more), or {'held' or 'gone' (it had to be claimed anew), claim, the session that was there as pairs,
-- grants as pairs}.
local user, server, instance, connection, claim, room, hash, life, passwords, created, many = unpack(ARGV)
local rooms = many == '1' and {unpack(ARGV, 12)} or {room}
if redis.call('EXISTS', KEYS[2]) == 0 then return {'lost'} end
local made = tonumber(redis.call('HGET', KEYS[2], 'created') or '')
if created ~= '' and made and made ~= tonumber(created) then return {'lost'} end
if redis.call('HGET', KEYS[2], 'disabled') == '1' then return {'disabled'} end
if passwords ~= '' and tonumber(redis.call('HGET', KEYS[2], 'passwords') or '0') > tonumber(passwords) then
  return {'outdated'}
end
local held = redis.call('HGET', KEYS[1], 'connection')
local earlier, granted = redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[3])
local claims, claimant = unpack(redis.call('HMGET', KEYS[2], 'claims', 'claimant'))
claims = tonumber(claims or '0')
-- Somebody else made a newer claim, which may have ended since. An older one is from before the store lost data, and one
-- of this connection's own was made here without its server being told.
if held ~= connection and claims > tonumber(claim) and claimant ~= connection then return {'superseded'} end
-- Always a new claim: a server that is just ending the session, because it thinks this one dead, ends an older one.
claim = string.format('%.0f', math.max(tonumber(claim), claims) + 1)
redis.call('HSET', KEYS[2], 'claims', string.format('%.0f', math.max(claims, tonumber(claim))), 'claimant', connection)
redis.call('HSET', KEYS[1], 'user', user, 'server', server, 'instance', instance, 'connection', connection,
  'claim', claim, 'room', room, 'attached', '1', 'many', many)
for _, name in ipairs(rooms) do redis.call('HSET', KEYS[3], 'room:' .. name, claim) end
if many == '1' then
  redis.call('HSET', KEYS[2], 'rooms', '1')
  redis.call('DEL', KEYS[5])
  for _, name in ipairs(rooms) do redis.call('SADD', KEYS[5], name) end
end
if redis.call('HGET', KEYS[4], 'current') ~= hash then
  redis.call('HSET', KEYS[4], 'current', hash, 'previous', '', 'revoked', '')
elseif not held then
  local away = redis.call('HGET', KEYS[4], 'away')
  if away then redis.call('HSET', KEYS[2], 'away', away) end
end
redis.call('HDEL', KEYS[4], 'away')
redis.call('HSET', KEYS[4], 'room', room)
redis.call('PEXPIRE', KEYS[4], life)
return {held and 'held' or 'gone', tonumber(claim), earlier, granted}
