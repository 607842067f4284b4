-- Gives the bytes of a file free.
-- KEYS expiry, sizes, used, same
-- ARGV its id
files_forget(ARGV[1])
return 1
