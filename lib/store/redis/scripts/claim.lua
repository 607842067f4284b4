-- Claims a user's session for a connection, by password or by resume token, if nobody else has claimed it meanwhile.
-- KEYS session, account, tokens, grants, stood, memberships
-- ARGV connection that has the session now ('' for none), new connection, server id, server instance, room,
--      hash of the new token, hash of the presented token ('' for a login), a token's life in ms,
--      how often the password had been changed when it was checked ('' where it was not),
--      '1' where the session is to be in many rooms: its account's, or at first the one that is given
-- Returns {'claimed', user, claim, rooms, earlier session as pairs, its account's rooms, grants as pairs, positions as pairs},
--         {'changed'}, {'disabled'} (the account is), {'outdated'} (the password is),
--         {'refused'} or {'revoked'} (the token was made worthless by a newer login).
local session, account, tokens, grants, stood = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local expected, connection, server, instance, room, hash, presented, life, passwords, many = unpack(ARGV)

if (redis.call('HGET', session, 'connection') or '') ~= expected then return {'changed'} end
if redis.call('HGET', account, 'disabled') == '1' then return {'disabled'} end
if passwords ~= '' and passwords ~= (redis.call('HGET', account, 'passwords') or '0') then return {'outdated'} end

local known = redis.call('HMGET', tokens, 'current', 'previous', 'revoked', 'room', 'away')
local revoked = known[3] or ''
local positions = {}
if presented == '' then
  revoked = (known[1] or '') .. ' ' .. (known[2] or '')
  redis.call('DEL', stood)
else
  if presented ~= known[1] and presented ~= known[2] then
    local spent = string.find(' ' .. revoked .. ' ', ' ' .. presented .. ' ', 1, true)
    return {spent and 'revoked' or 'refused'}
  end
  room = known[4]
  positions = redis.call('HGETALL', stood)
end

local rooms = {room}
if many == '1' then
  if redis.call('HGET', account, 'rooms') ~= '1' then
    redis.call('HSET', account, 'rooms', '1')
    redis.call('SADD', KEYS[6], ARGV[5])
  end
  rooms = redis.call('SMEMBERS', KEYS[6])
end
local earlier = redis.call('HGETALL', session)
local granted = redis.call('HGETALL', grants)
local user = redis.call('HGET', account, 'name')
local claim = redis.call('HINCRBY', account, 'claims', 1)
redis.call('HSET', account, 'claimant', connection)
-- Whose session has ended is away again by a resume only.
if #earlier == 0 then
  redis.call('HDEL', account, 'away')
  if presented ~= '' and known[5] then redis.call('HSET', account, 'away', known[5]) end
end
redis.call('HDEL', tokens, 'away')
redis.call('DEL', session)
redis.call('HSET', session, 'user', user, 'server', server, 'instance', instance, 'connection', connection,
  'claim', claim, 'room', room, 'attached', '1', 'many', many)
for _, name in ipairs(rooms) do redis.call('HSET', grants, 'room:' .. name, claim) end
redis.call('HSET', tokens, 'current', hash, 'previous', presented, 'revoked', revoked, 'room', room)
redis.call('PEXPIRE', tokens, life)
return {'claimed', user, claim, rooms, earlier, redis.call('SMEMBERS', KEYS[6]), granted, positions}
