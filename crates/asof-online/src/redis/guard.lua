-- Writes rows of one keyspace, each unless the stored one is later in the order of rows.
--
-- KEYS: the hashes of the entities. ARGV: the field; the grace in milliseconds, or '' where rows stay; then for each
-- key its row and, where rows end, when it ends in milliseconds since the epoch.
--
-- Returns one letter for each key: n, the row is new; w, it took the place of another; k, the stored one was kept;
-- x, the stored one is no row of a version that is known here. What a row begins with is told by asof-model's row
-- codec: version, flags, fingerprint, event time, and a created time if the lowest flag says so.
local field, grace = ARGV[1], tonumber(ARGV[2])
local width = grace and 2 or 1
local now

-- Whether a time that begins at a place is later (1), equal (0) or earlier (-1). Lua's numbers are too short for 64
-- bits, so that halves are compared.
local function compare(a, b, at)
  local low_a, high_a = struct.unpack('<I4i4', a, at)
  local low_b, high_b = struct.unpack('<I4i4', b, at)
  if high_a ~= high_b then return high_a > high_b and 1 or -1 end
  if low_a ~= low_b then return low_a > low_b and 1 or -1 end
  return 0
end

local function is_later(stored, row)
  local event = compare(stored, row, 7)
  if event ~= 0 then return event > 0 end
  local stored_created, row_created = stored:byte(2) % 2 == 1, row:byte(2) % 2 == 1
  if stored_created and row_created then return compare(stored, row, 15) > 0 end
  return stored_created and not row_created
end

local function is_row(stored)
  return stored:byte(1) == 2 and #stored >= 14 and (stored:byte(2) % 2 == 0 or #stored >= 22)
end

local outcomes = {}
for i, key in ipairs(KEYS) do
  local row = ARGV[2 + (i - 1) * width + 1]
  local stored
  if not grace then
    -- Only rows come here that were not new a moment ago.
    stored = redis.call('HGET', key, field)
  elseif redis.call('HSETNX', key, field, row) == 0 then
    stored = redis.call('HGET', key, field)
  end
  local outcome = 'n'
  if stored then
    outcome = not is_row(stored) and 'x' or is_later(stored, row) and 'k' or 'w'
  end
  if outcome == 'w' or outcome == 'n' and not grace then redis.call('HSET', key, field, row) end
  if grace and (outcome == 'w' or outcome == 'n') then
    if not now then
      local time = redis.call('TIME')
      now = time[1] * 1000 + math.floor(time[2] / 1000)
    end
    -- The hash goes when the last of its rows has ended: never earlier than it would have gone. Ends are rounded up, so
    -- that most rows of an entity ask for the same one, which is then there already.
    local step = math.max(math.floor(grace / 8), 1)
    local at = math.ceil((math.max(tonumber(ARGV[2 + i * 2]), now) + grace) / step) * step
    if redis.call('PTTL', key) < at - now - step / 2 then
      redis.call('PEXPIREAT', key, string.format('%.0f', at))
    end
  end
  outcomes[i] = outcome
end
return table.concat(outcomes)
