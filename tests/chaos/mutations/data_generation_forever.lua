-- Broken on purpose: data that were put back never begin a new generation.
-- Counts on, and tells whether the store's data are those that the caller knew: who finds a count that is behind one it
-- has seen finds data that were put back, and begins a new generation, unless another server has done so already.
-- KEYS tide (a hash: count, generation)
-- ARGV the count and the generation that the caller has seen, 0 each at first
-- Returns {count, generation}.
local count, generation = unpack(redis.call('HMGET', KEYS[1], 'count', 'generation'))
count, generation = tonumber(count or '0'), tonumber(generation or '0')
count = count + 1
redis.call('HSET', KEYS[1], 'count', string.format('%.0f', count), 'generation', string.format('%.0f', generation))
return {count, generation}
