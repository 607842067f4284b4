-- Notes that the data were brought to a schema. It may come late: where the schema is another one by then, it stays.
-- KEYS schema
-- ARGV schema
if redis.call('GET', KEYS[1]) == '>' .. ARGV[1] then redis.call('SET', KEYS[1], ARGV[1]) end
return 1
