-- Stands before the scripts that look at leases: when the clock of the machine was set, the leases go with it. Who asks
-- knows by a clock that nobody sets how long its own lease still runs and what time it should be here, both in ms ('0'
-- where it does not know).
local function leaseNow(leases, instance, remaining, expected, lease)
  local clock = redis.call('TIME')
  local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
  remaining, expected = tonumber(remaining or '0'), tonumber(expected or '0')
  if remaining <= 0 or expected == 0 or math.abs(now - expected) <= lease / 3 then return now end
  local own = tonumber(redis.call('ZSCORE', leases, instance) or '')
  if not own then return now end
  -- Nothing is left to do where another server was first. An answer that was late looks like a clock that was set by as
  -- much: to end leases early takes more than that. Those that had run out before stay so.
  local set = remaining - (own - now)
  if set > lease / 3 or set < -2 * lease then
    local all = redis.call('ZRANGE', leases, 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
      if set < 0 or tonumber(all[i + 1]) > now - set then redis.call('ZINCRBY', leases, set, all[i]) end
    end
  end
  return now
end

