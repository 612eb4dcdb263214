-- What both scripts begin with. Each script is one atomic step of the server.
--
-- KEYS: 1 log (stream), 2 meta (hash), 3 members (hash), 4 beats (sorted set).
-- ARGV: 1 channel, 2 most entries in the log, 3 a fresh random mark, then the
--       script's own.
--
-- An entry of ours has the fields
--   m   its mark, 16 hexadecimal digits
--   pi  the id of the entry before it, or nothing
--   pm  the mark of the entry before it, or nothing
--   b   the payload
-- Any other entry is by somebody else: its mark is a hash of its fields, its
-- payload is its field j.

local LOG, META, MEMBERS, BEATS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local CHANNEL, MOST, FRESH = ARGV[1], ARGV[2], ARGV[3]
local EVERYTHING = '{"v":1,"everything":true}'
local MARK_PATTERN = '^' .. string.rep('[0-9a-f]', 16) .. '$'
-- A longer payload is cut to nothing, which no reader of payloads accepts.
local PAYLOAD_LIMIT = 1048576
-- Of a name or value of a foreign entry, this much counts for its mark.
local HASHED = 65536

local function refuse(command, key, text)
  error({command = command, key = key or '', text = text})
end

local function must(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) == 'table' and reply.err then
    refuse(command, key, reply.err)
  end
  return reply
end

local function hashed(fields)
  local parts = {}
  for at = 1, #fields do
    parts[at] = #fields[at] .. ':' .. string.sub(fields[at], 1, HASHED)
  end
  return string.sub(redis.sha1hex(table.concat(parts)), 1, 16)
end

-- {id, mark, id before, mark before, form, payload}
local function read(entry)
  local fields, named = entry[2], {}
  for at = 1, #fields, 2 do
    named[fields[at]] = named[fields[at]] or fields[at + 1]
  end
  local ours = named.m and named.b and string.match(named.m, MARK_PATTERN)
  local payload = (ours and named.b) or named.j or ''
  if #payload > PAYLOAD_LIMIT then
    payload = ''
  end
  if not ours then
    return {entry[1], hashed(fields), '', '', 'foreign', payload}
  end
  return {entry[1], named.m, named.pi or '', named.pm or '', 'appended', payload}
end

-- Who this server is, and of which history: a restart changes the first half, a
-- failover (and a failback) the second. `nil` where INFO is forbidden.
local function identity()
  local server = redis.pcall('INFO', 'server')
  local replication = redis.pcall('INFO', 'replication')
  if type(server) ~= 'string' or type(replication) ~= 'string' then
    return nil
  end
  local role = string.match(replication, 'role:(%a+)')
  if role and role ~= 'master' then
    refuse('INFO', '', 'READONLY this server is a replica')
  end
  local run = string.match(server, 'run_id:(%w+)')
  local history = string.match(replication, 'master_replid:(%w+)')
  return run and history and (run .. ':' .. history)
end

-- Denied by ACL, the ring must not fail an append that happened.
local function ring(id, mark, before, payload)
  local reply = redis.pcall('PUBLISH', CHANNEL, table.concat(
    {'e', id, mark, before and before[1] or '-', before and before[2] or '-', payload}, ' '))
  return type(reply) == 'number' and 1 or 0
end

-- The id is `*`. For that the server takes max(its clock, last-generated-id + 1),
-- and it keeps last-generated-id when the stream is trimmed empty and when its
-- clock jumps back, and replicates it. So `*` is as monotone as an id computed
-- here, without 128 bits of arithmetic on doubles, and after a wipe the numbers
-- seldom repeat. The effect that is replicated carries the explicit id.
-- The length is exact (`=`): `~` would not bound a log whose nodes are large.
local function add(mark, payload, before)
  return redis.pcall('XADD', LOG, 'MAXLEN', '=', MOST, '*', 'm', mark,
    'pi', before and before[1] or '', 'pm', before and before[2] or '', 'b', payload)
end

local function exhausted(id)
  return type(id) == 'table' and id.err and string.find(id.err, 'exhausted', 1, true)
end

-- Adds an entry and rings. Returns {id, mark} and whether the ring went out.
-- Once somebody has written the last possible id, nothing can be added for ever:
-- the log then begins anew, as after a wipe.
local function put(mark, payload, before)
  local id = add(mark, payload, before)
  if exhausted(id) then
    must('DEL', LOG)
    before = nil
    if payload ~= EVERYTHING then
      before = put(string.sub(redis.sha1hex(FRESH .. 'anew'), 1, 16), EVERYTHING, nil)
    end
    id = add(mark, payload, before)
  end
  if type(id) == 'table' then
    refuse('XADD', LOG, id.err)
  end
  return {id, mark}, ring(id, mark, before, payload)
end

-- Counters, ids and durations are decimal and may be larger than a double counts:
-- by length, then by digits.
local function below(one, other)
  return #one < #other or (#one == #other and one < other)
end

-- Whether one id is before another.
local function earlier(one, other)
  local ms, number = string.match(one, '^(%d+)-(%d+)$')
  local other_ms, other_number = string.match(other, '^(%d+)-(%d+)$')
  return below(ms, other_ms) or (ms == other_ms and below(number, other_number))
end

-- Whether an entry stands in the log with its mark.
local function holds(id, mark)
  local found = must('XRANGE', LOG, id, id)[1]
  return found and read(found)[2] == mark
end

-- The mark of the list of members: another one whenever somebody may have been
-- lost from it.
local function list()
  local born = must('HGET', MEMBERS, 'born')
  if not born then
    born = string.sub(redis.sha1hex(FRESH .. 'list'), 1, 16)
    must('HSET', MEMBERS, 'born', born)
  end
  return born
end

-- Keeps the longest time of all intents, for those who have missed some.
local function remember_intent(lasts)
  local longest = must('HGET', META, 'intent')
  if not longest or below(longest, lasts) then
    must('HSET', META, 'intent', lasts)
  end
end

-- Makes sure that the log is this server's and not empty. Returns who the server
-- is and the newest {id, mark}.
-- The everything entry is written before the identity: the other way round, a
-- refused XADD would leave a log that claims to be unbroken. What this server has
-- of the list of members may be old: it begins anew too.
local function begin()
  local who = identity()
  local found = must('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
  local newest = found and read(found)
  local stored = who and must('HGET', META, 'identity')
  if newest and stored == who then
    return who, newest
  end
  local mark = string.sub(redis.sha1hex((who or '') .. FRESH), 1, 16)
  newest = put(mark, EVERYTHING, newest)
  if who and stored ~= who then
    must('HDEL', MEMBERS, 'born')
    must('HSET', META, 'identity', who)
  end
  return who, newest
end

local function answer(body)
  local fine, reply = pcall(body)
  if fine then
    return reply
  end
  if type(reply) == 'table' and reply.text then
    return {'refused', reply.command, reply.key, reply.text}
  end
  return {'refused', 'EVAL', '', tostring(reply)}
end

