#!lua name=warden
-- The hot state of mt5-warden: every function takes many instances and answers for each, in order.
--
-- KEYS are the snapshot keys `instance_state:<id>:snapshot` of the instances (the login locks themselves for the two
-- lock functions). The other keys of an instance have the same prefix, and in the cluster style the same hash tag, so
-- that all of them share a slot. Integers are decimal strings without leading zeros and are compared as such: a Lua
-- number loses integers beyond 2^53.
--
-- Arguments of writes are one MessagePack array, because one long argument costs much less than thousands of short ones.
-- Per instance: epoch, expected, version, op, checksum, state, and a text for each documented key in the order of
-- DOCUMENTED: false leaves the key alone, an empty text removes it.
--
-- Answers of writes: 'w' written, 's' the same operation was written before, 'b' behind and empty, 'b<version>' behind,
-- 'a<version>' ahead, 'f<epoch>' fenced by a higher epoch, 'c' corrupt.

local DOCUMENTED = {
  'status', 'connection_state', 'login_attempt_count', 'last_login_attempt', 'login_failure_reason',
  'last_failure_reason',
}
local FIELDS = 6 + #DOCUMENTED

local function prefix_of(snapshot_key)
  return string.sub(snapshot_key, 1, -9) -- without 'snapshot'
end

-- The text when it is a decimal number, else nil.
local function decimal(text)
  if text and #text <= 20 and string.find(text, '^%d+$') and (#text == 1 or string.byte(text) ~= 48) then
    return text
  end
  return nil
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
local function judge(key, found, schema, epoch, expected, version, op)
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

-- Collects documented keys, so that those of a whole call are written at once.
local function flush(sets)
  if #sets > 0 then redis.call('MSET', unpack(sets)) end
  return {}
end

-- Notes the texts of one instance; they start behind `at`.
local function project(sets, prefix, packed, at)
  for i = 1, #DOCUMENTED do
    local text = packed[at + i]
    if text == '' then
      sets = flush(sets) -- an earlier update of this call may have set it
      redis.call('DEL', prefix .. DOCUMENTED[i])
    elseif text then
      local n = #sets
      sets[n + 1], sets[n + 2] = prefix .. DOCUMENTED[i], text
    end
  end
  return sets
end

local function cas(keys, args)
  local schema, packed = args[1], cmsgpack.unpack(args[2])
  local answers, sets = {}, {}
  for i = 1, #keys do
    local key, at = keys[i], (i - 1) * FIELDS
    local epoch, expected, version, op = packed[at + 1], packed[at + 2], packed[at + 3], packed[at + 4]
    local found = redis.pcall('HMGET', key, 'schema', 'epoch', 'version', 'op', 'fence')
    local answer = 'w'
    if found.err then
      answer = 'c'
    elseif found[3] ~= expected or found[2] ~= epoch or found[1] ~= schema or not decimal(found[4])
      or (found[5] and found[5] ~= epoch) then
      answer = judge(key, found, schema, epoch, expected, version, op)
    end
    if answer == 'w' then
      redis.call('HSET', key, 'schema', schema, 'epoch', epoch, 'version', version, 'op', op, 'checksum',
        packed[at + 5], 'state', packed[at + 6])
      sets = project(sets, prefix_of(key), packed, at + 6)
    end
    answers[i] = answer
  end
  flush(sets)
  return answers
end

local function restore(keys, args)
  local schema, packed = args[1], cmsgpack.unpack(args[2])
  local answers, sets = {}, {}
  for i = 1, #keys do
    local key, at = keys[i], (i - 1) * FIELDS
    local prefix = prefix_of(key)
    local epoch, version, op, checksum = packed[at + 1], packed[at + 3], packed[at + 4], packed[at + 5]
    local found = fields_of(key, 'schema', 'epoch', 'version', 'op', 'fence', 'checksum') or {}
    local by = owner_of(prefix, found[2], found[5])
    local ours = found[1] == schema and found[2] == epoch
    local stored = ours and decimal(found[3])
    if by and less(epoch, by) then
      answers[i] = 'f' .. by
    elseif stored and less(version, stored) then
      answers[i] = 'a' .. stored
    else
      answers[i] = (stored == version and found[4] == op and found[6] == checksum) and 's' or 'w'
      redis.call('DEL', key)
      redis.call('HSET', key, 'schema', schema, 'epoch', epoch, 'version', version, 'op', op, 'checksum', checksum,
        'state', packed[at + 6])
      sets = project(sets, prefix, packed, at + 6)
    end
  end
  flush(sets)
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
      -- The lease runs out; who writes a state that is there stays known for good.
      if found[1] and found[1] ~= epoch then redis.call('HSET', key, 'fence', epoch) end
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
redis.register_function('warden_remove', remove)
redis.register_function('warden_lock_login', lock_login)
redis.register_function('warden_unlock_login', unlock_login)
