-- Gives the bytes of files free that have expired: a number of them.
-- KEYS expiry, sizes, used, same
-- ARGV how many at most
-- Returns how many there were.
return files_sweep(files_now(), tonumber(ARGV[1]))
