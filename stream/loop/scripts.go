package loop

// What is remembered of a record is one hash:
//
//	at:<partition>     the highest offset that was decided
//	d:<partition>      "<offset>=<verdict>;" of those that did not pass
//	m:<loose>:<write>  a mark: "<ms when it was left>:<its number>"
//	c, v, ct           the content that the capture told last, how often it told, and
//	                   when that was committed
//	l, lv, lt          the content written last, "?" while it is under way; v then, and
//	                   when it was written
//	r                  the other columns that the rules read
//	w, wx              how many writes there were; that at the last crossing
//	x                  "<ms>:<content>;" of the crossings
//	y                  "<ms>;" of the marks whose echo never came
//
// Every script sets the time to live anew, and gives the same when it is run
// again.

// see is told of a change and decides over it:
//
//	decided before ──► the same again
//	a mark fits    ──► echo; the mark is used up
//	else           ──► pass, or a bounce if it is a crossing too many
//
// A crossing is a change that passes after a write of ours. ARGV: partition,
// offset, commit time, loose, exact, rest, mode, linked, window, most, wide, marks,
// grace, keep; times in ms. It returns the verdict, 1 if it is new, and the count
// of a bounce.
var see = newScript(`
local h, flat = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do h[flat[i]] = flat[i+1] end
local part, offset, at = ARGV[1], ARGV[2], tonumber(ARGV[3])
local loose, exact, rest, mode, linked = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8] == '1'
local window, most, wide = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local marks, grace, keep = tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[14]

redis.call('PEXPIRE', KEYS[1], keep)
local decided = h['d:' .. part] or ''
local last = h['at:' .. part]
if last and tonumber(offset) <= tonumber(last) then
  local _, _, verdict, count = string.find(';' .. decided, ';' .. offset .. '=(%a+),(%d+)')
  return {verdict or 'pass', 0, tonumber(count or 0)}
end

local verdict, count, drop = 'pass', 0, {}
local lost = {}
if mode ~= 'read' then
  local can = mode == 'plain' or mode == 'tagged' or (mode == 'rest' and rest ~= '?' and rest == h.r)
  local hit
  local function each(f)
    for field, value in pairs(h) do
      if string.sub(field, 1, 2) == 'm:' then
        local _, _, left, nth = string.find(value, '^(%d+):(%d+)$')
        f(field, tonumber(left), tonumber(nth))
      end
    end
  end
  each(function(field, left, nth)
    if left + marks < at then
      drop[#drop+1] = field
    elseif can and string.sub(field, 3, 3 + #loose) == loose .. ':' and left <= at + grace and (not hit or nth < hit) then
      hit = nth
    end
  end)
  each(function(field, left, nth)
    if hit and nth <= hit then
      drop[#drop+1] = field
    elseif not hit and mode ~= 'tagged' and left + grace < at then
      drop[#drop+1] = field
      lost[#lost+1] = left
    end
  end)
  if hit then verdict = 'echo' end
end

if verdict == 'pass' and mode ~= 'read' and mode ~= 'tagged' then
  for t in string.gmatch(h.y or '', '(%-?%d+);') do
    if tonumber(t) > at - window then lost[#lost+1] = tonumber(t) end
  end
  if not linked or tonumber(h.w or 0) > tonumber(h.wx or 0) then
    local same, crossings = 1, {}
    for t, content in string.gmatch(h.x or '', '(%-?%d+):([^;]*);') do
      if tonumber(t) > at - wide then
        crossings[#crossings+1] = t .. ':' .. content .. ';'
        if tonumber(t) > at - window and content == exact then same = same + 1 end
      end
    end
    crossings[#crossings+1] = ARGV[3] .. ':' .. exact .. ';'
    local all = #crossings
    while #crossings > 10 * most + 1 do table.remove(crossings, 1) end
    local recent = 0
    for _, t in ipairs(lost) do
      if t > at - window then recent = recent + 1 end
    end
    if same > most and exact ~= '?' then
      verdict, count = 'same', same
    elseif linked and recent > most then
      verdict, count = 'lost', recent
    elseif linked and all > 10 * most then
      verdict, count = 'many', all
    end
    redis.call('HSET', KEYS[1], 'x', table.concat(crossings), 'wx', h.w or '0')
  end
  while #lost > 10 * most do table.remove(lost) end
  local told = ''
  for _, t in ipairs(lost) do told = told .. string.format('%.0f', t) .. ';' end
  if told ~= (h.y or '') then redis.call('HSET', KEYS[1], 'y', told) end
end

if verdict ~= 'pass' then
  decided = decided .. offset .. '=' .. verdict .. ',' .. count .. ';'
  while #decided > 4096 do decided = string.sub(decided, (string.find(decided, ';', 1, true)) + 1) end
  redis.call('HSET', KEYS[1], 'd:' .. part, decided)
end
for _, field in ipairs(drop) do redis.call('HDEL', KEYS[1], field) end
redis.call('HSET', KEYS[1], 'at:' .. part, offset, 'c', exact, 'v', tonumber(h.v or 0) + 1, 'ct', ARGV[3], 'r', rest)
redis.call('PEXPIRE', KEYS[1], keep)
return {verdict, 1, count}
`)

// offer is asked before a write: has, if the target has the content already; else
// it leaves a mark. What the capture told last counts only when it has told all
// that we wrote: while a mark waits, a write is under way that it has not seen.
// ARGV: exact, loose, write, now, keep, 1 if the content tells all, how many marks
// are kept. It returns since when the target has the content, or 'write'. Of too
// many marks, whose echoes do not come, the oldest goes.
var offer = newScript(`
local h, flat, marks = {}, redis.call('HGETALL', KEYS[1]), 0
local oldest, least
for i = 1, #flat, 2 do
  h[flat[i]] = flat[i+1]
  if string.sub(flat[i], 1, 2) == 'm:' then
    marks = marks + 1
    local nth = tonumber(string.match(flat[i+1], ':(%d+)$'))
    if not least or nth < least then oldest, least = flat[i], nth end
  end
end
local told, has, since = h.v or '0', nil, nil
if h.l and h.lv == told then
  has, since = h.l, h.lt
elseif marks == 0 then
  has, since = h.c, h.ct
end
if ARGV[6] == '1' and has == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  return since or '0'
end
local mark = 'm:' .. ARGV[2] .. ':' .. ARGV[3]
local nth = string.match(h[mark] or '', ':(%d+)$')
if not nth then
  nth = redis.call('HINCRBY', KEYS[1], 'w', 1)
  if marks >= tonumber(ARGV[7]) then redis.call('HDEL', KEYS[1], oldest) end
end
redis.call('HSET', KEYS[1], mark, ARGV[4] .. ':' .. nth, 'l', '?', 'lv', told, 'lt', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 'write'
`)

// done is told what became of an offered write: taken, or refused for certain,
// which takes the mark back. ARGV: exact, loose, write, outcome, keep. It returns
// how many marks were taken back.
var done = newScript(`
if ARGV[4] == 'taken' then
  if redis.call('HGET', KEYS[1], 'l') == '?' then redis.call('HSET', KEYS[1], 'l', ARGV[1]) end
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  return 0
end
return redis.call('HDEL', KEYS[1], 'm:' .. ARGV[2] .. ':' .. ARGV[3])
`)

// getID and setID keep the target's id of a record; an empty one is forgotten.
var (
	getID = newScript(`return redis.call('GET', KEYS[1]) or ''`)
	setID = newScript(`
if ARGV[1] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[1])
return 1
`)
)

// lose notes that records were gone at a time, without their names. Of all such
// times the last counts; it is one number a target, and is kept for good. It
// returns what see does of a change that passes.
var lose = newScript(`
local last = tonumber(redis.call('GET', KEYS[1]) or '')
if not last or last < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return {'pass', 0, 0}
`)

// allScripts are loaded into a Redis that does not know them.
var allScripts = []*Script{see, offer, done, getID, setID, lose}
