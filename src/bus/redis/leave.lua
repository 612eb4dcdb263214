-- leave: takes a member off the list, unless another instance has reported under
-- its id since.
-- ARGV: 3 nothing, 4 the member, 5 the counter of its last question.
-- Returns {'left'}.

return answer(function()
  local stored = must('HGET', MEMBERS, ARGV[4])
  local last = stored and string.match(stored, '^(%d+) ')
  if last and not below(ARGV[5], last) then
    must('HDEL', MEMBERS, ARGV[4])
    must('ZREM', BEATS, ARGV[4])
  end
  return {'left'}
end)
