-- Stands before the scripts that need a log's epoch: makes it where there is none, and anew where it is of an earlier
-- generation of the store's data than the caller knows of (see data_generation.lua).
local function ensureEpoch(meta, epoch, generation)
  local known, made, seq = unpack(redis.call('HMGET', meta, 'epoch', 'generation', 'seq'))
  if not known then
    redis.call('HSET', meta, 'epoch', epoch, 'generation', generation)
  elseif tonumber(made or '0') < tonumber(generation) then
    redis.call('HSET', meta, 'epoch', epoch, 'generation', generation, 'previous', known, 'since', seq or '0')
  end
end
-- The time of a log's newest message, for a log that does not say it yet.
local function newestTime(log)
  local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  return newest and tonumber(newest[2][4]) or 0
end

