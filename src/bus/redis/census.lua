-- census: which members have not reported an entry yet.
-- ARGV: 3 a nonce, 4 and 5 the entry, 6 whether to ring at the members so that
--       they report, 7 most members in one answer, 8 on pairs of a member and the
--       counter of its last report: removed if that still is its last.
-- Returns {'census', whether INFO is known, whether the entry stands, the mark of
-- the list, the largest bound reported to it, how many have reported the entry,
-- how many more are missing than are told, the missing as {member, report}...}.

local ENTRY, ENTRY_MARK, CALL, MOST_MISSING = ARGV[4], ARGV[5], ARGV[6] == '1', tonumber(ARGV[7])

local function remove_gone()
  for at = 8, #ARGV - 1, 2 do
    local stored = must('HGET', MEMBERS, ARGV[at])
    if stored and string.match(stored, '^(%d+) ') == ARGV[at + 1] then
      must('HDEL', MEMBERS, ARGV[at])
      must('ZREM', BEATS, ARGV[at])
    end
  end
end

-- Many members report the same position: each is looked up once.
local known = {}
local function is_past(id, mark)
  if earlier(id, ENTRY) then
    return false
  end
  local position = id .. mark
  if known[position] == nil then
    known[position] = holds(id, mark) or false
  end
  return known[position]
end

return answer(function()
  local who = begin()
  remove_gone()
  local born, largest = list(), '0'
  local past, more, missing = 0, 0, {}
  local fields = must('HGETALL', MEMBERS)
  for at = 1, #fields, 2 do
    local member, report = fields[at], fields[at + 1]
    if member == 'bound' then
      largest = report
    elseif string.match(member, MARK_PATTERN) then
      local id, mark = string.match(report, '^%d+ %d+ (%d+%-%d+) (%x+)$')
      if id and is_past(id, mark) then
        past = past + 1
      elseif #missing < MOST_MISSING then
        missing[#missing + 1] = {member, report}
      else
        more = more + 1
      end
    end
  end
  if CALL then
    redis.pcall('PUBLISH', CHANNEL, 'r')
  end
  return {'census', who and 1 or 0, holds(ENTRY, ENTRY_MARK) and 1 or 0, born, largest,
    past, more, missing}
end)
