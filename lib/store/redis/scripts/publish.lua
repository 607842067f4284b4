-- Publishes a message: known cid, fence, next number, log, channel; all or nothing.
-- KEYS meta, log, writers, cid, the user's newest cids (any keys of the topic's for no cid), for an inbox what is unread by sender, its talks, whom its user blocks,
--      the user's contacts, and to whom the user has written; for a room its record, and when who spoke in its slow mode
-- ARGV an epoch in case there is none of this generation, the generation, a cid's life in ms, how many messages are kept, for how many ms;
--      and then of the message: channel, user, claim ('' for no fence), its id, its body, how many may be unread ('' for no inbox),
--      a number that grows with every call of the same writer, how many of the user's may be unread ('' for any number),
--      '1' where the topic must exist, the cid ('' for none), the number of the same writer's call that was sent before and
--      has no answer yet ('' for none), the session, '1' where a room's record does not hold the user up
-- Returns {'published', seq, time, epoch, in an inbox the number of the user's message before or '' where it is not known},
-- {'repeated', seq, time}, {'fenced'}, {'blocked'}, {'stranger'} where the user gets messages of contacts only, {'full', how many of the user's are unread, or 0
-- where it is not these that are too many}, {'missing'} where the topic does not exist,
-- {'banned'}, {'not_member'}, {'muted'}, {'slow', for how many ms} where the room's record says so, or {'late'} where a newer call of the
-- same writer was here first: this one was given up long ago; or where the call before was not carried out, as a Redis that is
-- full refuses one and may take the next: a writer's messages keep their order.
local meta, log, writers, cid, recent, counts, talks, blocks, contacts, written = unpack(KEYS)
local fresh, generation, life, most, age, channel, user, claim, id, body, unread, call, own, existing, name, before, writer, overrides = unpack(ARGV)
local record, spoken
if unread == '' then record, spoken = counts, talks end

local refused, revision, waits
if record then refused, revision, waits = gateOf(record, spoken, user, overrides == '1') end
local held, last
if claim ~= '' then
  held, last = string.match(redis.call('HGET', writers, writer) or '', '^(%d+) ?(%d*)$')
  -- Who was removed from a room writes there no more by the record, and is told what it already has.
  local expelled = not held and refused and (refused[1] == 'banned' or refused[1] == 'not_member')
  if held ~= claim and not expelled then return {'fenced'} end
end
local function carriedOut()
  if held and tonumber(call) > (tonumber(last) or 0) then redis.call('HSET', writers, writer, claim .. ' ' .. call) end
end
if name ~= '' then
  local known = redis.call('GET', cid)
  if known then
    local seq, time = string.match(known, '^(%d+) (%d+)$')
    carriedOut()
    return {'repeated', tonumber(seq), tonumber(time)}
  end
  known = knownOf(recent, name)
  if known then
    carriedOut()
    return {'repeated', known[1], known[2]}
  end
end

if existing == '1' and redis.call('EXISTS', meta) == 0 then return {'missing'} end

if held and (tonumber(call) <= (tonumber(last) or 0) or (before ~= '' and last ~= before)) then return {'late'} end

if refused then
  carriedOut()
  return refused
end
ensureEpoch(meta, fresh, generation)
local mine = 'by:' .. string.lower(user) -- how many messages of the user's the log has had, see own.lua
local state = redis.call('HMGET', meta, 'epoch', 'seq', 'read', 'id', 'indexed', mine, 'time', 'talks')
local epoch = state[1]
local seq, read = tonumber(state[2] or '0') + 1, tonumber(state[3] or '0')
if unread ~= '' then
  if redis.call('SISMEMBER', blocks, user) == 1 then
    carriedOut()
    return {'blocked'}
  end
  local sender = string.lower(user)
  if own ~= '' and redis.call('SISMEMBER', contacts, '') == 1 and redis.call('SISMEMBER', contacts, sender) == 0
    and redis.call('SISMEMBER', contacts, '+' .. sender) == 0 and redis.call('HEXISTS', written, sender) == 0 then
    carriedOut()
    return {'stranger'}
  end
  local theirs = unreadOf(user, counts, log, read, seq - 1)
  local full = own ~= '' and theirs >= tonumber(own) and theirs or (seq - 1 - read >= tonumber(unread) and 0 or nil)
  if full then
    carriedOut()
    return {'full', full}
  end
end
local clock = redis.call('TIME')
local time = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
time = math.max(time, tonumber(state[7]) or newestTime(log))
local number, stamp = string.format('%.0f', seq), string.format('%.0f', time)
redis.call('HSET', meta, 'seq', number, 'id', id, 'time', stamp, mine, string.format('%.0f', tonumber(state[6] or '0') + 1))
redis.call('XADD', log, number .. '-0', 'i', id, 't', stamp, 'b', body)
local earlier = ''
if unread ~= '' then
  addUnread(user, counts, seq)
  -- What was there before is read in its talks.
  if not state[8] then redis.call('HSET', meta, 'talks', string.format('%.0f', seq - 1)) end
  if tonumber(state[5] or '0') == seq - 1 then
    earlier = redis.call('ZSCORE', talks, string.lower(user)) or '0'
    addToTalk(talks, user, seq, log)
    redis.call('HSET', meta, 'indexed', number)
  end
end
carriedOut()
if waits then
  redis.call('HSET', spoken, string.lower(user), stamp)
  redis.call('PEXPIRE', spoken, waits)
end
if name ~= '' then
  redis.call('SET', cid, number .. ' ' .. stamp, 'PX', life)
  remember(recent, name, number, stamp)
end

-- What is over the limits is forgotten in batches, of 1024 at most; what is unread never is.
if seq % 64 == 0 then
  local keep = seq - tonumber(most) + 1
  local oldest = time - tonumber(age)
  local entries = redis.call('XRANGE', log, '-', '+', 'COUNT', 256)
  for _, entry in ipairs(entries) do
    if tonumber(entry[2][4]) >= oldest then break end
    keep = math.max(keep, tonumber(string.match(entry[1], '^%d+')) + 1)
  end
  if unread ~= '' then keep = math.min(keep, read + 1) end
  keep = math.min(keep, tonumber(string.match(entries[1][1], '^%d+')) + 1024)
  if keep > 1 then
    redis.call('XTRIM', log, 'MINID', string.format('%.0f', keep) .. '-0')
    if unread ~= '' then forgetTalks(talks, keep) end
  end
end

local kind = revision and revision > 0 and 'v ' .. string.format('%.0f', revision) .. ' ' or 'm '
redis.call('SPUBLISH', channel, kind .. epoch .. ' ' .. number .. ' ' .. stamp .. ' ' .. id .. ' ' .. (state[4] or '-') .. ' ' .. body)
return {'published', seq, time, epoch, earlier}
