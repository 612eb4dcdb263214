-- append: adds one batch behind the newest entry, and rings.
-- ARGV: 3 the batch's mark, 4 the batch, 5 for the intent of a write its time in ms.
-- Returns {'appended', id, mark, whether the ring went out, whether INFO is known,
-- the mark of the list of members}.

return answer(function()
  local who, newest = begin()
  -- Before the entry is there: who reads the entry may know the longest time.
  if ARGV[5] then
    remember_intent(ARGV[5])
  end
  local added, rang = put(FRESH, ARGV[4], newest)
  return {'appended', added[1], added[2], rang, who and 1 or 0, list()}
end)
