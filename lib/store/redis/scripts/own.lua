-- Stands before the scripts of read marks: a user's own messages in a log. 'by:<user>' in the log's meta is how many it has
-- had since a release that counts them; only differences of it say anything.
-- How many of the messages from one number to another are the user's; it reads them.
local function ownAmong(log, user, from, last)
  local count = 0
  while from <= last do
    local page = redis.call('XRANGE', log, string.format('%.0f-0', from), string.format('%.0f-0', last), 'COUNT', 100)
    if #page == 0 then break end
    for _, entry in ipairs(page) do
      local body = entry[2][6]
      local author = string.match(body, '^{"from":"([%w_-]+)"') or cjson.decode(body).from
      if string.lower(author) == user then count = count + 1 end
    end
    from = tonumber(string.match(page[#page][1], '^%d+')) + 1
  end
  return count
end

