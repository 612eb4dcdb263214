-- look: tries each command that the other scripts need, in a way that changes
-- nothing that counts. Returns {'looked', {command, key, text}...} with one
-- triple for each refusal.

return answer(function()
  local refused = {'looked'}
  local function try(command, key, ...)
    local reply = redis.pcall(command, key, ...)
    if type(reply) == 'table' and reply.err then
      refused[#refused + 1] = {command, key, reply.err}
    end
  end
  try('XREVRANGE', LOG, '+', '-', 'COUNT', 1)
  try('XRANGE', LOG, '0-1', '0-1')
  -- 0-0 is never a valid id: permission, type and memory are looked at, and
  -- nothing is added.
  local reply = redis.pcall('XADD', LOG, 'NOMKSTREAM', '0-0', 'm', '')
  if type(reply) == 'table' and reply.err and not string.find(reply.err, '0-0', 1, true) then
    refused[#refused + 1] = {'XADD', LOG, reply.err}
  end
  for _, key in ipairs({META, MEMBERS}) do
    try('HSET', key, 'probe', '')
    try('HGET', key, 'probe')
    try('HDEL', key, 'probe')
  end
  try('HGETALL', MEMBERS)
  try('HINCRBY', META, 'syncs', 0)
  try('ZADD', BEATS, 'XX', 0, 'probe')
  try('ZRANGEBYSCORE', BEATS, '-inf', 0, 'LIMIT', 0, 1)
  try('ZREM', BEATS, 'probe')
  -- Listeners do not hear an h.
  try('PUBLISH', CHANNEL, 'h')
  try('INFO', 'server')
  return refused
end)
