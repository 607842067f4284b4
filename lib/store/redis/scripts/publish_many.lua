-- Publishes messages one after the other, each as if it came alone: that one is refused changes nothing for the others.
-- KEYS those of each message
-- ARGV the first five of `publish`, which all have in common; for each message how many keys it has, and its other thirteen
-- Returns what `publish` does for each, {'refused', why} for one that fails
local common, own = 5, 13
local answers, key = {}, 1
for at = common + 1, #ARGV, own + 1 do
  local count = tonumber(ARGV[at])
  local args = {unpack(ARGV, 1, common)}
  for i = 1, own do args[common + i] = ARGV[at + i] end
  local done, answer = pcall(publish, {unpack(KEYS, key, key + count - 1)}, args)
  key = key + count
  if not done then answer = {'refused', type(answer) == 'table' and answer.err or tostring(answer)} end
  answers[#answers + 1] = answer
end
return answers
