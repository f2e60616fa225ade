#!lua name=warden
-- The hot state of mt5-warden: every function takes many instances and answers for each, in order.
--
-- KEYS are the snapshot keys `instance_state:<id>:snapshot` of the instances (the login locks themselves for the two
-- lock functions). The other keys of an instance have the same prefix, and in the cluster style the same hash tag, so
-- that all of them share a slot. Integers are decimal strings without leading zeros and are compared as such: a Lua
-- number loses integers beyond 2^53.
--
-- Arguments of writes: schema; heads; texts; counts; whether a text is empty ('1') or none is ('0'); the state of each
-- instance. Heads and texts are MessagePack objects one after the other, because one long argument costs less than many
-- short ones. Heads, per instance: the guard that must stand, the guard afterwards, epoch, version, op, checksum. Texts:
-- full name and text of each documented key to write, an empty text to remove it. Counts has a byte per instance: how
-- many keys it writes. States stand by themselves, because Lua hashes every byte of every string that it makes.
--
-- The guard of a snapshot says schema, epoch and version in one text, `1 7 42`, so that the plain next step reads one
-- field only. It writes every field anew: one that was spoilt is healed, one that was missing is reported as corrupt.
-- Whoever takes the lease at a higher epoch removes the guard and leaves a fence, which the next write finds.
--
-- Answers of writes: 'w' written, 's' the same operation was written before, 'b' behind and empty, 'b<version>' behind,
-- 'a<version>' ahead, 'f<epoch>' fenced by a higher epoch, 'c' corrupt. A single 'w' stands for all of a call.

-- The trades of an instance: a hash each `order_state:<id>:<tag>`, the set of tags that have not ended
-- `order_state:<id>:open`, `order_key:<id>:<client key>` with a tag, and `order_state:<id>:index`, by which the keys of
-- what has ended are found without a search: a sorted set of '<tag> <client key>' by the moment the hash expires
-- (milliseconds; its client key never expires later). It expires with the last of them.

local DOCUMENTED = {
  'status', 'connection_state', 'login_attempt_count', 'last_login_attempt', 'login_failure_reason',
  'last_failure_reason',
}
local HEAD = 6 -- objects per instance
local STATES = 5 -- arguments before the first state

local function prefix_of(snapshot_key)
  return string.sub(snapshot_key, 1, -9) -- without 'snapshot'
end

local LARGEST = '18446744073709551615'

-- The text when it is a decimal number of 64 bits, else nil.
local function decimal(text)
  if not text or not string.find(text, '^%d+$') then return nil end
  if #text > 1 and string.byte(text) == 48 then return nil end
  if #text > #LARGEST or (#text == #LARGEST and text > LARGEST) then return nil end
  return text
end

local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function higher(a, b)
  if not a then return b end
  if not b or less(b, a) then return a end
  return b
end

-- Epoch and owner of a lease; nil when there is none, or when something else stands under its key.
local function lease_of(prefix)
  local lease = redis.pcall('GET', prefix .. 'lease')
  if type(lease) ~= 'string' then return nil end
  local epoch, owner = string.match(lease, '^(%d+) (.*)$')
  return decimal(epoch), owner
end

-- The highest epoch that wrote the instance or took its lease; nil when none did. `found` holds epoch and fence.
local function owner_of(prefix, epoch, fence)
  return higher(higher(decimal(epoch), decimal(fence)), (lease_of(prefix)))
end

local function fields_of(key, ...)
  local found = redis.pcall('HMGET', key, ...)
  if found.err then return nil end
  return found
end

-- What a compare-and-set that is not the plain next step finds; 'w' when it may be written.
local function judge(key, schema, epoch, guard, version, op)
  local expected = string.match(guard, '%d+$')
  local found = redis.call('HMGET', key, 'schema', 'epoch', 'version', 'op', 'fence')
  if not (found[1] or found[2] or found[3] or found[4]) and redis.call('EXISTS', key) == 0 then
    local by = lease_of(prefix_of(key))
    if by and less(epoch, by) then return 'f' .. by end
    if expected == '0' then return 'w' end
    return 'b'
  end
  local by = higher(decimal(found[2]), decimal(found[5]))
  if by and less(epoch, by) then return 'f' .. by end
  local stored = decimal(found[3])
  if found[1] ~= schema or not decimal(found[2]) or not stored or not decimal(found[4]) then return 'c' end
  if stored == version and found[2] == epoch and found[4] == op then return 's' end
  if stored == expected then return 'w' end
  if less(stored, expected) then return 'b' .. stored end
  return 'a' .. stored
end

-- Writes the documented keys of the instances that were written; of all of them when `answers` is nil. A restore
-- writes those of a state that was there already, too: `again` is 's' then.
local function project(args, answers, again)
  local texts, counts = args[3], args[4]
  if texts == '' then return end
  if not answers and args[5] == '0' then
    redis.call('MSET', cmsgpack.unpack(texts))
    return
  end
  local at, name, text = 0, nil, nil
  for i = 1, #counts do
    for _ = 1, string.byte(counts, i) do
      at, name, text = cmsgpack.unpack_limit(texts, 2, at)
      if answers and answers[i] ~= 'w' and answers[i] ~= again then
        -- not ours to write
      elseif text == '' then
        redis.call('DEL', name)
      else
        redis.call('SET', name, text)
      end
    end
  end
end

-- Answers how many fields were missing.
local function write(key, schema, guard, epoch, version, op, checksum, state)
  return redis.call('HSET', key, 'schema', schema, 'guard', guard, 'epoch', epoch, 'version', version, 'op', op,
    'checksum', checksum, 'state', state)
end

local function cas(keys, args)
  local schema, heads, answers = args[1], args[2], nil
  local pcall, unpack_limit = redis.pcall, cmsgpack.unpack_limit
  local at, before, after, epoch, version, op, checksum = 0, nil, nil, nil, nil, nil, nil
  for i = 1, #keys do
    local key, answer = keys[i], 'w'
    at, before, after, epoch, version, op, checksum = unpack_limit(heads, HEAD, at)
    local found = pcall('HGET', key, 'guard')
    if found == before then
      if write(key, schema, after, epoch, version, op, checksum, args[STATES + i]) ~= 0 then
        answer = 'c'
        redis.call('HDEL', key, 'guard', 'version') -- corrupt until it is restored
      end
    else
      answer = type(found) == 'table' and 'c' or judge(key, schema, epoch, before, version, op)
      if answer == 'w' then write(key, schema, after, epoch, version, op, checksum, args[STATES + i]) end
    end
    if answer ~= 'w' and not answers then
      answers = {}
      for earlier = 1, i - 1 do answers[earlier] = 'w' end
    end
    if answers then answers[i] = answer end
  end
  project(args, answers)
  return answers or 'w'
end

local function restore(keys, args)
  local schema, heads, answers = args[1], args[2], {}
  local at, guard, epoch, version, op, checksum = 0, nil, nil, nil, nil, nil
  for i = 1, #keys do
    local key, _ = keys[i], nil
    at, _, guard, epoch, version, op, checksum = cmsgpack.unpack_limit(heads, HEAD, at)
    local found = fields_of(key, 'schema', 'epoch', 'version', 'op', 'fence', 'checksum') or {}
    local by = owner_of(prefix_of(key), found[2], found[5])
    local ours = found[1] == schema and found[2] == epoch
    local stored = ours and decimal(found[3])
    if by and less(epoch, by) then
      answers[i] = 'f' .. by
    elseif stored and less(version, stored) then
      answers[i] = 'a' .. stored
    else
      answers[i] = (stored == version and found[4] == op and found[6] == checksum) and 's' or 'w'
      redis.call('DEL', key)
      write(key, schema, guard, epoch, version, op, checksum, args[STATES + i])
    end
  end
  project(args, answers, 's')
  return answers
end

-- Per instance: the texts of DOCUMENTED, then schema, epoch, version, op, checksum and state; one text instead when the
-- snapshot is no hash.
local function load(keys)
  local answers = {}
  for i = 1, #keys do
    local key, names = keys[i], {}
    local prefix = prefix_of(key)
    for n = 1, #DOCUMENTED do names[n] = prefix .. DOCUMENTED[n] end
    local answer = redis.call('MGET', unpack(names))
    local found = fields_of(key, 'schema', 'epoch', 'version', 'op', 'checksum', 'state')
    if found then
      for n = 1, 6 do answer[#DOCUMENTED + n] = found[n] end
    else
      answer = 'snapshot is not a hash'
    end
    answers[i] = answer
  end
  return answers
end

-- Arguments: owner, milliseconds, an epoch per instance. Answers 1 where the lease is ours.
local function acquire(keys, args)
  local owner, ttl, answers = args[1], args[2], {}
  for i = 1, #keys do
    local key, epoch = keys[i], args[2 + i]
    local prefix = prefix_of(key)
    local found = fields_of(key, 'epoch', 'fence') or {}
    local by = owner_of(prefix, found[1], found[2])
    local leased, holder = lease_of(prefix)
    if (by and less(epoch, by)) or (leased == epoch and holder ~= owner) then
      answers[i] = 0
    else
      redis.call('SET', prefix .. 'lease', epoch .. ' ' .. owner, 'PX', ttl)
      -- The lease runs out; who may write a state that is there stays known for good.
      if found[1] and found[1] ~= epoch then
        redis.call('HSET', key, 'fence', epoch)
        redis.call('HDEL', key, 'guard')
      end
      answers[i] = 1
    end
  end
  return answers
end

-- Arguments as for acquire.
local function renew(keys, args)
  local owner, ttl, answers = args[1], args[2], {}
  for i = 1, #keys do
    local lease = prefix_of(keys[i]) .. 'lease'
    if redis.pcall('GET', lease) == args[2 + i] .. ' ' .. owner then
      answers[i] = redis.call('PEXPIRE', lease, ttl)
    else
      answers[i] = 0
    end
  end
  return answers
end

-- Arguments: owner, an epoch per instance. Answers 1 where a lease was given back.
local function release(keys, args)
  local answers = {}
  for i = 1, #keys do
    local lease = prefix_of(keys[i]) .. 'lease'
    local ours = redis.pcall('GET', lease) == args[1 + i] .. ' ' .. args[1]
    answers[i] = ours and redis.call('DEL', lease) or 0
  end
  return answers
end

-- Where the trades of an instance are, and which epoch owns it.
local function trades_of(snapshot_key, owner)
  local id = string.sub(snapshot_key, 16, -9) -- without 'instance_state:' and 'snapshot'
  local prefix = 'order_state:' .. id
  return { hashes = prefix, open = prefix .. 'open', index = prefix .. 'index', keys = 'order_key:' .. id, owner = owner }
end

-- Calls a command; a key of another type gives way.
local function replacing(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.sub(answer.err, 1, 9) == 'WRONGTYPE' then redis.call('DEL', key) end
  return redis.call(command, key, ...)
end

-- The highest epoch that owns an instance. A guard is of the last write: whoever took the lease since has removed it.
local function owner_now(key)
  local guard = redis.pcall('HGET', key, 'guard')
  local wrote = type(guard) == 'string' and decimal(string.match(guard, '^%d+ (%d+) %d+$'))
  if wrote then return wrote end
  local found = fields_of(key, 'epoch', 'fence') or {}
  return owner_of(prefix_of(key), found[1], found[2])
end

-- A trade that has ended is kept for a while, and so is the way to its keys.
local function ends(spans, trades, hash, tag, key)
  redis.call('PEXPIRE', hash, spans.kept)
  replacing('SREM', trades.open, tag)
  replacing('ZADD', trades.index, spans.kept_until, tag .. ' ' .. key)
  redis.call('PEXPIRE', trades.index, spans.kept)
  redis.call('ZREMRANGEBYSCORE', trades.index, '-inf', spans.now)
end

local ALWAYS = 15 -- fields that every trade has

-- Writes every field of a trade and answers how many were not there. The last arguments are names and texts of those that
-- not every trade has.
local function write_trade(hash, epoch, version, tag, key, state, reason, symbol, goal, volume, filled, closed, attempt,
    accepted_at, expires_at, updated_at, ...)
  return replacing('HSET', hash, 'version', version, 'epoch', epoch, 'tag', tag, 'key', key, 'state', state, 'reason',
    reason, 'symbol', symbol, 'goal', goal, 'volume', volume, 'filled', filled, 'closed', closed, 'attempt', attempt,
    'accepted_at', accepted_at, 'expires_at', expires_at, 'updated_at', updated_at, ...)
end

-- Shows one trade. `before` is the version whose fields the rest of the arguments change, by name and text; where it is
-- empty they are the whole trade.
local function show_trade(spans, trades, before, epoch, version, tag, key, ended, ...)
  if trades.owner and less(epoch, trades.owner) then return 'f' .. trades.owner end
  local hash = trades.hashes .. tag
  local found = fields_of(hash, 'version', 'epoch') or {}
  if before ~= '' and found[1] == before and found[2] == epoch then
    redis.call('HSET', hash, 'version', version, ...)
    if ended == '1' then ends(spans, trades, hash, tag, key) end
    return 'w'
  end
  local stored, by = decimal(found[1]), decimal(found[2])
  if stored and by then
    if less(epoch, by) then return 'f' .. by end
    if less(version, stored) then return 'a' .. stored end
    if version == stored and epoch == by then return 'w' end
  end
  if before ~= '' then return 'b' end
  if stored then redis.call('DEL', hash) end
  if write_trade(hash, epoch, version, tag, key, ...) ~= ALWAYS + (select('#', ...) - 11) / 2 then
    -- Something else stood there.
    redis.call('DEL', hash)
    write_trade(hash, epoch, version, tag, key, ...)
  end
  if ended == '1' then
    ends(spans, trades, hash, tag, key)
  else
    replacing('SADD', trades.open, tag)
  end
  if not stored then redis.call('SET', trades.keys .. key, tag, 'PX', spans.key_kept, 'NX') end
  return 'w'
end

-- Arguments: how many milliseconds a trade that has ended is kept, and a client's key; then each trade as MessagePack
-- objects: the version that it changes, or nothing; epoch, version, tag, client's key, '1' when it has ended or '0'; and
-- what is written. Answers 'w', 'a<version>' and 'f<epoch>' as writes of states do, and 'b' where what it changes does
-- not stand there: it is to be given as a whole. A single 'w' stands for all of a call.
local function show_trades(keys, args)
  local time, instances, answers = redis.call('TIME'), {}, nil
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local spans = {
    kept = args[1],
    key_kept = args[2],
    now = string.format('%.0f', now),
    kept_until = string.format('%.0f', now + tonumber(args[1])),
  }
  for i = 1, #keys do
    local key = keys[i]
    local trades = instances[key]
    if not trades then
      trades = trades_of(key, owner_now(key))
      instances[key] = trades
    end
    local answer = show_trade(spans, trades, cmsgpack.unpack(args[2 + i]))
    if answer ~= 'w' and not answers then
      answers = {}
      for earlier = 1, i - 1 do answers[earlier] = 'w' end
    end
    if answers then answers[i] = answer end
  end
  return answers or 'w'
end

local function remove_trades(snapshot_key)
  local trades = trades_of(snapshot_key)
  for _, member in ipairs(redis.pcall('ZRANGE', trades.index, 0, -1)) do
    local tag, key = string.match(member, '^(%d+) (.*)$')
    if tag then redis.call('DEL', trades.hashes .. tag, trades.keys .. key) end
  end
  for _, tag in ipairs(redis.pcall('SMEMBERS', trades.open)) do
    local hash = trades.hashes .. tag
    local key = redis.pcall('HGET', hash, 'key')
    redis.call('DEL', hash, type(key) == 'string' and trades.keys .. key or hash)
  end
  redis.call('DEL', trades.open, trades.index)
end

-- Arguments: the epoch that removes. Answers 1 where nothing is left.
local function remove(keys, args)
  local answers = {}
  for i = 1, #keys do
    local key = keys[i]
    local prefix = prefix_of(key)
    local found = fields_of(key, 'epoch', 'fence') or {}
    local by = owner_of(prefix, found[1], found[2])
    if by and less(args[1], by) then
      answers[i] = 0
    else
      local names = { key, prefix .. 'lease', prefix .. 'login_attempt' }
      for n = 1, #DOCUMENTED do names[#names + 1] = prefix .. DOCUMENTED[n] end
      redis.call('DEL', unpack(names))
      remove_trades(key)
      answers[i] = 1
    end
  end
  return answers
end

-- Arguments: owner, milliseconds. Answers 1 where the lock is ours.
local function lock_login(keys, args)
  local answers = {}
  for i = 1, #keys do
    local holder = redis.pcall('GET', keys[i])
    if type(holder) == 'string' and holder ~= args[1] then
      answers[i] = 0
    else
      redis.call('SET', keys[i], args[1], 'PX', args[2])
      answers[i] = 1
    end
  end
  return answers
end

-- Arguments: owner. Answers 1 where a lock was given back.
local function unlock_login(keys, args)
  local answers = {}
  for i = 1, #keys do
    answers[i] = redis.pcall('GET', keys[i]) == args[1] and redis.call('DEL', keys[i]) or 0
  end
  return answers
end

redis.register_function('warden_cas', cas)
redis.register_function('warden_restore', restore)
redis.register_function{function_name = 'warden_load', callback = load, flags = {'no-writes'}}
redis.register_function('warden_acquire', acquire)
redis.register_function('warden_renew', renew)
redis.register_function('warden_release', release)
redis.register_function('warden_show_trades', show_trades)
redis.register_function('warden_remove', remove)
redis.register_function('warden_lock_login', lock_login)
redis.register_function('warden_unlock_login', unlock_login)
