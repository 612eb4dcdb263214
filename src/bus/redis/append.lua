-- append: adds one batch behind the newest entry, and rings.
-- ARGV: 3 the batch's mark, 4 the batch.
-- Returns {'appended', id, mark, whether the ring went out, whether INFO is known}.

return answer(function()
  local who, newest = begin()
  local added, rang = put(FRESH, ARGV[4], newest)
  return {'appended', added[1], added[2], rang, who and 1 or 0}
end)
