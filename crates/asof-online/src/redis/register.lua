-- Makes a keyspace where there is none, and advances it by a number of steps.
--
-- KEYS: fields, births, sequences. ARGV: the field, the keyspace, a birth for it if it is new, the steps.
--
-- Returns the keyspace that has the field, its birth and its sequence. When the field is another keyspace's, nothing
-- is done.
local owner = redis.call('HGET', KEYS[1], ARGV[1])
if owner and owner ~= ARGV[2] then return {owner, '', 0} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3])
local sequence = redis.call('HINCRBY', KEYS[3], ARGV[2], ARGV[4])
return {ARGV[2], redis.call('HGET', KEYS[2], ARGV[2]), sequence}
