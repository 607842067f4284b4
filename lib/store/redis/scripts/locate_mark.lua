-- Finds where in a log a read mark would be.
-- KEYS meta, log
-- ARGV the user in lower case, the mark's epoch and number, how many messages are read at most
-- Returns nothing where the log is of another epoch, else {number, how many of the user's own messages the log had had by
-- then ('' where that takes too much reading), the epoch before or '', its last number here}.
local meta, log = KEYS[1], KEYS[2]
local user, epoch, number, most = unpack(ARGV)
local state = redis.call('HMGET', meta, 'epoch', 'seq', 'previous', 'since', 'by:' .. user)
if state[1] ~= epoch then return false end
local head = tonumber(state[2] or '0')
local seq = math.min(tonumber(number), head)
local own = ''
if head - seq <= tonumber(most) then own = tonumber(state[5] or '0') - ownAmong(log, user, seq + 1, head) end
return {seq, own, state[3] or '', tonumber(state[4] or '0')}
