-- Reads a room's record, or some of its fields.
-- KEYS record
-- ARGV the fields, all unless there are any
-- Returns {the time, field, value, field, value, …}
local answer = {nowText()}
if #ARGV == 0 then
  for _, text in ipairs(redis.call('HGETALL', KEYS[1])) do answer[#answer + 1] = text end
  return answer
end
for i, value in ipairs(redis.call('HMGET', KEYS[1], unpack(ARGV))) do
  if value then
    answer[#answer + 1] = ARGV[i]
    answer[#answer + 1] = value
  end
end
return answer
