-- Takes what messages say out of a log. A stream's entries cannot be changed, and one that is deleted stays in its node, and so
-- in what Redis writes to its files: the log is copied without the texts, some entries in one step, and the copy takes its place.
-- KEYS meta, log, the copy that is being made, the topic's deletions
-- ARGV channel, how many entries are copied in one step, what the step before returned ('' for the first), and then for each
--      message its number, its id, what is left of its body, and what is told of its deletion
-- Returns {'more', what the next step is given}, {'again'} where another was faster, or {'done', 'erased', 'known' or
-- 'missing' for each}.
local meta, log, copy, deletions = unpack(KEYS)
local channel, step, begun = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local state = redis.call('HMGET', meta, 'rewritten', 'epoch', 'seq', 'deletion')
local rewritten = state[1] or '0'

local results, blank, some = {'done'}, {}, false
for i = 4, #ARGV, 4 do
  local id = ARGV[i] .. '-0'
  local entry = redis.call('XRANGE', log, id, id)[1]
  if not entry or entry[2][2] ~= ARGV[i + 1] then
    table.insert(results, 'missing')
  elseif entry[2][6] == ARGV[i + 2] or blank[id] then
    table.insert(results, 'known')
  else
    table.insert(results, 'erased')
    blank[id], some = ARGV[i + 2], true
  end
end
if not some then
  redis.call('DEL', copy)
  return results
end

local from = '-'
if begun == '' then
  redis.call('DEL', copy)
else
  local last = redis.call('XREVRANGE', copy, '+', '-', 'COUNT', 1)[1]
  if begun ~= rewritten or not last then
    redis.call('DEL', copy)
    return {'again'}
  end
  from = '(' .. last[1]
end
local page = redis.call('XRANGE', log, from, '+', 'COUNT', step)
for _, entry in ipairs(page) do
  local fields = entry[2]
  if blank[entry[1]] then fields[6] = blank[entry[1]] end
  redis.call('XADD', copy, entry[1], unpack(fields))
end
if #page == step then
  redis.call('PEXPIRE', copy, 60000)
  return {'more', rewritten}
end

-- What the log has forgotten meanwhile.
local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1][1]
redis.call('XTRIM', copy, 'MINID', oldest)
redis.call('PERSIST', copy)
redis.call('RENAME', copy, log)
local lastAt, number = string.match(state[4] or '0 0', '^(%d+) (%d+)$')
local at = string.format('%.0f', math.max(tonumber(state[3] or '0'), tonumber(lastAt)))
for i = 4, #ARGV, 4 do
  if results[(i - 4) / 4 + 2] == 'erased' then
    number = string.format('%.0f', tonumber(number) + 1)
    redis.call('XADD', deletions, at .. '-' .. number, 's', ARGV[i], 'w', ARGV[i + 3])
    redis.call('SPUBLISH', channel, table.concat({'d', state[2] or '', at, number, ARGV[i], ARGV[i + 3]}, ' '))
  end
end
redis.call('HSET', meta, 'rewritten', string.format('%.0f', tonumber(rewritten) + 1), 'deletion', at .. ' ' .. number)
redis.call('XTRIM', deletions, 'MINID', oldest)
return results
