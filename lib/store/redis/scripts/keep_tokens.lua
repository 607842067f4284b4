-- Makes the resume tokens that an earlier release wrote those of the session without a device. They stay good, and are
-- listed and revoked like others. Tokens of this release are left as they are.
-- KEYS tokens, account, devices
-- ARGV a token's life in ms
-- Returns 1 where there were such tokens, else 0.
local tokens, account, devices = unpack(KEYS)
local remaining = redis.call('PTTL', tokens)
if remaining <= 0 or redis.call('HEXISTS', tokens, 'generation') == 1 then return 0 end
local generation, claims = unpack(redis.call('HMGET', account, 'generation', 'claims'))
local now = nowText()
-- The login was when its newest token was made, if not before.
local since = string.format('%.0f', tonumber(now) - (tonumber(ARGV[1]) - remaining))
redis.call('HSET', tokens, 'generation', generation or '0', 'since', since)
if redis.call('HEXISTS', devices, '') == 0 then keepDevice(devices, '', '-', claims or '0', now, remaining) end
return 1
