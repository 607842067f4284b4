-- Looks which schema the data have, and where no server of an earlier release has a lease, begins to bring them to the
-- present one. From then on, what the servers had together is under new names, and by the earlier ones
-- 1. no program of an earlier release opens the store, and no server starts: the secret of positions, the leases and the
--    generation are keys of other types, so that Redis refuses it (WRONGTYPE);
-- 2. a server that hung for longer than its lease, and goes on, is told that another has its id, and ends by itself.
-- KEYS schema, the leases, ids, names, since, tide and positions of earlier releases, tide and positions of now
-- ARGV the present schema
-- Returns {'made'} where there were no data, {'current'}, {'begun'}, {'live', id, …} with the servers of an earlier release
-- that have a lease, or {'later', the data's schema}.
local schema, leases, ids, names, since, tide, positions, newTide, newPositions = unpack(KEYS)
local version = ARGV[1]
local known = redis.call('GET', schema)
if known then
  local number = string.match(known, '%d+')
  if tonumber(number) > tonumber(version) then return {'later', number} end
  return {known == version and 'current' or 'begun'}
end
local clock = redis.call('TIME')
local now = string.format('%.0f', tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000))
local live = redis.call('ZRANGEBYSCORE', leases, '(' .. now, '+inf')
if #live > 0 then
  local answer = {'live'}
  for _, instance in ipairs(live) do table.insert(answer, redis.call('HGET', names, instance) or instance) end
  return answer
end
local found = redis.call('EXISTS', leases, ids, names, since, tide, positions) > 0
if redis.call('EXISTS', tide) == 1 then redis.call('RENAME', tide, newTide) end
if redis.call('EXISTS', positions) == 1 then redis.call('RENAME', positions, newPositions) end
redis.call('SET', leases, 'see schema')
redis.call('SET', tide, 'see schema')
redis.call('HSET', positions, 'see', 'schema')
redis.call('DEL', names)
for _, id in ipairs(redis.call('HKEYS', ids)) do
  redis.call('HSET', ids, id, 'see schema')
  redis.call('HSET', since, id, '9007199254740991') -- later than any
end
redis.call('SET', schema, (found and '>' or '') .. version)
return {found and 'begun' or 'made'}
