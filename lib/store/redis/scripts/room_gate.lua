-- Stands before the script that publishes: whether a room's record lets a user speak there.
-- Returns why not, as `publish` answers it, or nil; the record's revision, 0 where there is none; and for how many ms the user
-- is to wait after this message, or nil.
local invitationLifeMs = 2592000000
local function gateOf(record, spoken, user, overrides)
  local mine = string.lower(user)
  local rev, owner, private, slow, op, ban, mute, list, inv, out = unpack(redis.call('HMGET', record, 'rev', 'owner', 'private',
    'slow', 'op:' .. mine, 'ban:' .. mine, 'mute:' .. mine, 'list:' .. mine, 'inv:' .. mine, 'out:' .. mine))
  if not rev then return nil, 0 end
  local revision = tonumber(rev)
  if overrides then return nil, revision end
  if ban then return {'banned'}, revision end
  if out then return {'not_member'}, revision end
  local leads = op or (owner and string.lower(owner) == mine)
  local function now()
    local clock = redis.call('TIME')
    return tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
  end
  if private and not leads and not list then
    if not inv or tonumber(string.match(inv, '^%d+')) + invitationLifeMs <= now() then return {'not_member'}, revision end
  end
  if mute then
    local until_ = tonumber(string.match(mute, '^%d+'))
    if not until_ or until_ > now() then return {'muted'}, revision end
  end
  if not slow or leads then return nil, revision end
  local waits = tonumber(slow) * 1000
  local left = tonumber(redis.call('HGET', spoken, mine) or '0') + waits - now()
  if left > 0 then return {'slow', math.min(left, waits)}, revision end
  return nil, revision, waits
end

