-- Claims a user's session on a device for a connection, by password or by resume token, if nothing of the user's sessions
-- has changed meanwhile. Others may end by it.
-- KEYS session, account, tokens, grants, stood, memberships, devices, then session and grants of each that ends
-- ARGV the devices as they were (see devicesText), new connection, device, server id, server instance, room,
--      hash of the new token, hash of the presented token ('' for a login), a token's life in ms,
--      how often the password had been changed when it was checked ('' where it was not),
--      '1' where the session is to be in many rooms: its account's, or at first the one that is given,
--      '1' where a login makes the resume tokens of all devices worthless, what the client calls itself,
--      '1' where all places are taken, the devices of the sessions that end, …
-- Returns {'claimed', user, claim, since, rooms, how often these had changed, its account's rooms, grants as pairs, positions
--          as pairs, the session before as pairs, session and grants of each that ended as pairs, …},
--         {'changed'}, {'disabled'} (the account is), {'outdated'} (the password is),
--         {'refused'} or {'revoked'} (the token was made worthless by a newer login), {'full'}.
local session, account, tokens, grants, stood, memberships, devices = unpack(KEYS, 1, 7)
local expected, connection, device, server, instance, room, hash, presented, life = unpack(ARGV, 1, 9)
local passwords, many, alone, client, full = unpack(ARGV, 10, 14)

if devicesText(redis.call('HGETALL', devices)) ~= expected then return {'changed'} end
if redis.call('HGET', account, 'disabled') == '1' then return {'disabled'} end
if passwords ~= '' and passwords ~= (redis.call('HGET', account, 'passwords') or '0') then return {'outdated'} end

local now = nowText()
local known = redis.call('HMGET', tokens, 'current', 'previous', 'revoked', 'room', 'away', 'since', 'generation')
local generation = redis.call('HGET', account, 'generation') or '0'
local revoked, since = known[3] or '', now
local positions = {}
if presented ~= '' then
  if presented ~= known[1] and presented ~= known[2] then
    local spent = string.find(' ' .. revoked .. ' ', ' ' .. presented .. ' ', 1, true)
    return {spent and 'revoked' or 'refused'}
  end
  if (known[7] or '0') ~= generation then return {'revoked'} end
end
if full == '1' then return {'full'} end
if presented == '' then
  revoked = (known[1] or '') .. ' ' .. (known[2] or '')
  redis.call('DEL', stood)
else
  room, since = known[4], known[6] or now
  positions = redis.call('HGETALL', stood)
end

local rooms, changes = {room}, tonumber(redis.call('HGET', account, 'rooms') or '0')
if many == '1' then
  if changes == 0 then
    changes = redis.call('HINCRBY', account, 'rooms', 1)
    redis.call('HSET', memberships, ARGV[6], '')
  end
  rooms = redis.call('HKEYS', memberships)
end
local granted, earlier = redis.call('HGETALL', grants), redis.call('HGETALL', session)
local user = redis.call('HGET', account, 'name')
local claim = redis.call('HINCRBY', account, 'claims', 1)
local newest = string.format('%.0f', claim)
if presented == '' and alone == '1' then generation = string.format('%.0f', redis.call('HINCRBY', account, 'generation', 1)) end

-- Whose last session has ended is away again by a resume only.
if #earlier == 0 and not isLive(redis.call('HGETALL', devices)) then
  redis.call('HDEL', account, 'away')
  if presented ~= '' and known[5] then redis.call('HSET', account, 'away', known[5]) end
end
redis.call('HDEL', tokens, 'away')

local ended = {}
for i = 15, #ARGV do
  local place = 8 + 2 * (i - 15)
  table.insert(ended, redis.call('HGETALL', KEYS[place]))
  table.insert(ended, redis.call('HGETALL', KEYS[place + 1]))
  redis.call('DEL', KEYS[place])
  keepDevice(devices, ARGV[i], '-', newest, now, life)
end
forgetDevices(devices, now)

redis.call('DEL', session)
redis.call('HSET', session, 'user', user, 'device', device, 'server', server, 'instance', instance,
  'connection', connection, 'claim', newest, 'since', since, 'client', client, 'room', room, 'attached', '1', 'many', many)
for _, name in ipairs(rooms) do redis.call('HSET', grants, 'room:' .. name, newest) end
redis.call('HSET', tokens, 'current', hash, 'previous', presented, 'revoked', revoked, 'room', room, 'since', since,
  'generation', generation)
redis.call('PEXPIRE', tokens, life)
keepDevice(devices, device, connection, newest, now, life)
return {'claimed', user, claim, since, rooms, changes, redis.call('HKEYS', memberships), granted, positions, earlier, unpack(ended)}
