-- Makes the store hold a session that its connection still has.
-- KEYS session, account, grants, tokens
-- ARGV user, server id, server instance, connection, claim, room, hash of the resume token, a token's life in ms
-- Returns {'held', claim}, {'gone', claim} where it had to be claimed anew, or {'superseded'}.
local user, server, instance, connection, claim, room, hash, life = unpack(ARGV)
if redis.call('EXISTS', KEYS[2]) == 0 then return {'superseded'} end
local held = redis.call('HGET', KEYS[1], 'connection')
local claims = tonumber(redis.call('HGET', KEYS[2], 'claims') or '0')
if held ~= connection then
  -- A newer claim was made, and may have ended since. An older one is from before the store lost data.
  if claims > tonumber(claim) then return {'superseded'} end
  claim = string.format('%.0f', tonumber(claim) + 1)
end
redis.call('HSET', KEYS[2], 'claims', string.format('%.0f', math.max(claims, tonumber(claim))))
redis.call('HSET', KEYS[1], 'user', user, 'server', server, 'instance', instance, 'connection', connection,
  'claim', claim, 'room', room, 'attached', '1')
redis.call('HSET', KEYS[3], 'room:' .. room, claim)
if redis.call('HGET', KEYS[4], 'current') ~= hash then
  redis.call('HSET', KEYS[4], 'current', hash, 'previous', '', 'revoked', '')
end
redis.call('HSET', KEYS[4], 'room', room)
redis.call('PEXPIRE', KEYS[4], life)
return {held and 'held' or 'gone', tonumber(claim)}
