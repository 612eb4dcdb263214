-- sync: does the position still stand, what came after it, where is the head.
-- ARGV: 3 a nonce, 4 and 5 the position (or nothing), 6 member, 7 its counter,
--       8 its bound in ms, 9 whether the connection is new, 10 most entries,
--       11 most bytes of one answer, 12 syncs after which a silent member is
--       forgotten, 13 to 16 the oldest and the newest entry that the instance has
--       appended itself and wants to find again (or nothing).
-- Returns {'synced', verdict, cloned, whether INFO is known, head, entries, the
-- mark of the list of members, the largest bound reported to it, what stands of
-- the instance's own entries, the longest time of an intent}.

local FROM, FROM_MARK, MEMBER, COUNTER, BOUND = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local NEW_CONNECTION = ARGV[9] == '1'
local MOST_ENTRIES, MOST_BYTES = tonumber(ARGV[10]), tonumber(ARGV[11])
local FORGET_AFTER = tonumber(ARGV[12])
local OLDEST, OLDEST_MARK, NEWEST, NEWEST_MARK = ARGV[13], ARGV[14], ARGV[15], ARGV[16]
local CHUNK = 64

-- Where INFO is forbidden, a new connection may lead to another server or to
-- another history, and nothing but the connection itself tells.
local function stands(who)
  if FROM == '' or (NEW_CONNECTION and not who) then
    return false
  end
  return holds(FROM, FROM_MARK)
end

local function standing()
  if NEWEST == '' then
    return 'unasked'
  elseif holds(NEWEST, NEWEST_MARK) then
    return 'whole'
  elseif holds(OLDEST, OLDEST_MARK) then
    return 'cut'
  end
  local first = must('XRANGE', LOG, '-', '+', 'COUNT', 1)[1]
  return first and earlier(NEWEST, first[1]) and 'trimmed' or 'lacking'
end

-- All entries after the position; nil if they are more than one answer carries.
local function following(head)
  local entries, bytes, last = {}, 0, FROM
  while last ~= head[1] do
    local chunk = must('XRANGE', LOG, '(' .. last, '+', 'COUNT', CHUNK)
    if #chunk == 0 then
      break
    end
    for _, entry in ipairs(chunk) do
      local one = read(entry)
      bytes = bytes + #one[6] + 64
      if #entries == MOST_ENTRIES or bytes > MOST_BYTES then
        return nil
      end
      entries[#entries + 1] = one
      last = one[1]
    end
  end
  return entries
end

-- Writes the report unless somebody else has reported under this id. An instance
-- counts up with each question, also with one whose answer was lost: a counter
-- that is not above the stored one is another instance's.
local function report(syncs, verified)
  local stored = must('HGET', MEMBERS, MEMBER)
  local last = stored and string.match(stored, '^(%d+) ')
  if last and not below(last, COUNTER) then
    return 1
  end
  local line = COUNTER .. ' ' .. BOUND
  if verified then
    line = line .. ' ' .. FROM .. ' ' .. FROM_MARK
  end
  must('HSET', MEMBERS, MEMBER, line)
  local largest = must('HGET', MEMBERS, 'bound')
  if not largest or below(largest, BOUND) then
    must('HSET', MEMBERS, 'bound', BOUND)
  end
  must('ZADD', BEATS, syncs, MEMBER)
  return 0
end

-- Members are aged by the number of syncs, not by any clock. A few each time: at
-- most one is added each time. A forgotten one may be a slow one, so the list
-- begins anew.
local function forget(syncs)
  local silent = must('ZRANGEBYSCORE', BEATS, '-inf', syncs - FORGET_AFTER, 'LIMIT', 0, 4)
  for _, member in ipairs(silent) do
    must('HDEL', MEMBERS, member)
    must('ZREM', BEATS, member)
  end
  if #silent > 0 then
    must('HDEL', MEMBERS, 'born')
  end
end

-- `syncs` is counted before anything is answered: a server that refuses writes
-- proves nothing, also not to a cloned member.
return answer(function()
  local who, head = begin()
  local syncs = must('HINCRBY', META, 'syncs', 1)
  local verdict, entries = 'unknown', {}
  local verified = stands(who)
  if verified then
    entries = following(head)
    verdict = entries and 'verified' or 'behind'
  end
  local cloned = report(syncs, verified)
  forget(syncs)
  return {'synced', verdict, cloned, who and 1 or 0, {head[1], head[2]}, entries or {},
    list(), must('HGET', MEMBERS, 'bound') or '0', standing(),
    must('HGET', META, 'intent') or '0'}
end)
