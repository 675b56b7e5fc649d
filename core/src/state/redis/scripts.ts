import { createHash } from 'node:crypto'
import { LAYOUT_VERSION } from './keys.ts'

/** A Lua script and the hash by which the server knows it. */
export interface Script {
  readonly source: string
  readonly sha: string
}

/**
 * The arguments of EVALSHA, or of EVAL where the server has to be told the text: `[command, …]`.
 * Keys come first in `keysAndArguments`.
 */
export function callOf(
  script: Script,
  asText: boolean,
  keys: number,
  ...keysAndArguments: (string | number | Uint8Array)[]
): [string, ...(string | number | Buffer)[]] {
  const rest = keysAndArguments as (string | number | Buffer)[]
  return asText ? ['eval', script.source, keys, ...rest] : ['evalsha', script.sha, keys, ...rest]
}

function script(source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/**
 * Every script that writes begins so: KEYS[1] is the header, ARGV[1] the caller's token, ARGV[2] the number of its
 * operation. A command that was sent again over a new connection may still arrive over the old one, after later
 * operations: it must do nothing then.
 */
const fenced = `
local held = redis.call('HMGET', KEYS[1], 'fence', 'operation')
if not held[1] then return 'GONE' end
if held[1] ~= ARGV[1] then return 'FENCED' end
if held[2] ~= ARGV[2] then
  if held[2] and tonumber(held[2]) > tonumber(ARGV[2]) then return 'STALE' end
  redis.call('HSET', KEYS[1], 'operation', ARGV[2])
end
`

/**
 * KEYS header; ARGV nonce, base, the number of take-overs that the caller has read. Makes the caller the owner, unless
 * somebody else became it since (a late copy of this command must not end a later ownership), and drops stages that were
 * never completed.
 * Returns OK, token, applied, meta, decided, staged epochs; or VERSION and the version; or CLEARING and a token; or AGAIN.
 */
export const acquireScript: Script = script(`
local header = KEYS[1]
local found = redis.call('HMGET', header, 'version', 'takeovers', 'fence')
if found[1] and found[1] ~= '${LAYOUT_VERSION}' then return {'VERSION', found[1]} end
local token = found[3]
if not token or string.sub(token, -#ARGV[1]) ~= ARGV[1] then
  if (found[2] or '0') ~= ARGV[3] then return {'AGAIN'} end
  token = redis.call('HINCRBY', header, 'takeovers', 1) .. '-' .. ARGV[1]
  redis.call('HSET', header, 'version', '${LAYOUT_VERSION}', 'fence', token, 'operation', '0')
end
if redis.call('HEXISTS', header, 'clearing') == 1 then return {'CLEARING', token} end
local last = redis.call('HMGET', header, 'applied', 'meta', 'decided')
local reply = {'OK', token, last[1], last[2], last[3]}
for _, field in ipairs(redis.call('HKEYS', header)) do
  local epoch = string.match(field, '^stage:(%d+)$')
  if epoch then
    if redis.call('HGET', header, field) == '' then
      redis.call('HDEL', header, field)
      redis.call('UNLINK', ARGV[2] .. 'staged:' .. epoch)
    else
      reply[#reply + 1] = epoch
    end
  end
end
return reply
`)

/**
 * KEYS header, staged hash; ARGV token, operation, epoch, attempt, number of the chunk, chunk; with the last one also the number of
 * chunks and the meta, which completes the stage, if nothing is missing. Until then a stage of an earlier attempt stands.
 */
export const stageScript: Script = script(`${fenced}
local applied = redis.call('HGET', KEYS[1], 'applied')
if applied and tonumber(applied) >= tonumber(ARGV[3]) then return 'OLD' end
local mark = 'stage:' .. ARGV[3]
redis.call('HSETNX', KEYS[1], mark, '')
redis.call('HSET', KEYS[2], ARGV[4] .. ':' .. ARGV[5], ARGV[6])
if ARGV[7] then
  for n = 0, tonumber(ARGV[7]) - 1 do
    if redis.call('HEXISTS', KEYS[2], ARGV[4] .. ':' .. n) == 0 then return 'INCOMPLETE' end
  end
  redis.call('HSET', KEYS[2], ARGV[4] .. ':meta', ARGV[8])
  redis.call('HSET', KEYS[1], mark, ARGV[7] .. ' ' .. ARGV[4])
end
return 'OK'
`)

/** KEYS header; ARGV token, operation, epoch. */
export const decideScript: Script = script(`${fenced}
local mark = redis.call('HGET', KEYS[1], 'stage:' .. ARGV[3])
if not mark or mark == '' then
  if redis.call('HGET', KEYS[1], 'decided') == ARGV[3] then return 'OK' end
  return 'MISSING'
end
redis.call('HSET', KEYS[1], 'decided', ARGV[3])
return 'OK'
`)

/**
 * KEYS header, staged hash, groups; ARGV token, operation, epoch, base, the epoch that the caller takes for the applied one.
 * Applies the next chunk that is not applied yet: MORE, or DONE when it was the last. Which chunk is next is kept in the
 * header, so a call whose answer was lost does no harm. LOST: the server has forgotten epochs (a failover to a replica that
 * lagged behind), and applying this one would leave a hole.
 */
export const applyScript: Script = script(`${fenced}
local header, staged, groups = KEYS[1], KEYS[2], KEYS[3]
local epoch, base = ARGV[3], ARGV[4]
local applied = redis.call('HGET', header, 'applied')
local mark = redis.call('HGET', header, 'stage:' .. epoch)
if applied and tonumber(applied) >= tonumber(epoch) then
  if applied ~= epoch then return 'OLD' end
  redis.call('HDEL', header, 'stage:' .. epoch)
  redis.call('UNLINK', staged)
  return 'DONE'
end
if (applied or '') ~= ARGV[5] then return 'LOST' end
if not mark or mark == '' then return 'MISSING' end
local count, attempt = string.match(mark, '^(%d+) (.+)$')
count = tonumber(count)
local n = 0
local progress = redis.call('HGET', header, 'applying')
if progress then
  local of, reached = string.match(progress, '^(.+) (%d+)$')
  if of == attempt then n = tonumber(reached) end
end
local chunk = redis.call('HGET', staged, attempt .. ':' .. n)
if not chunk then return 'CORRUPT' end
local known = {}
local function note(group)
  if not known[group] then
    known[group] = true
    redis.call('SADD', groups, group)
  end
end
for _, run in ipairs(cmsgpack.unpack(chunk)) do
  local kind, pair = run[1], run[2]
  if kind == 'v' then
    note('v' .. pair)
    redis.call('HSET', base .. 'v:' .. pair, unpack(run, 3))
  elseif kind == 'm' then
    note('m' .. pair)
    redis.call('SADD', base .. 'i:' .. pair, run[3])
    redis.call('HSET', base .. 'm:' .. pair .. ':' .. run[3], unpack(run, 4))
  elseif kind == 'd' then
    local map = base .. 'm:' .. pair .. ':' .. run[3]
    redis.call('HDEL', map, unpack(run, 4))
    if redis.call('EXISTS', map) == 0 then redis.call('SREM', base .. 'i:' .. pair, run[3]) end
  else
    redis.call('HDEL', base .. 'v:' .. pair, unpack(run, 3))
    local index = base .. 'i:' .. pair
    if redis.call('EXISTS', index) == 1 then
      for k = 3, #run do
        if redis.call('SREM', index, run[k]) == 1 then redis.call('UNLINK', base .. 'm:' .. pair .. ':' .. run[k]) end
      end
    end
  end
end
n = n + 1
if n < count then
  redis.call('HSET', header, 'applying', attempt .. ' ' .. n)
  return 'MORE'
end
redis.call('HSET', header, 'applied', epoch, 'meta', redis.call('HGET', staged, attempt .. ':meta'))
redis.call('HDEL', header, 'applying', 'stage:' .. epoch)
redis.call('UNLINK', staged)
return 'DONE'
`)

/**
 * KEYS header, then for each key the hash of values and the hash of its own; ARGV the field of each key in the former. For readers who
 * own nothing: the applied epoch and what is stored of each key, as value and list of sub keys and values; APPLYING in the
 * middle of an epoch; NONE before the first.
 */
export const readScript: Script = script(`
local found = redis.call('HMGET', KEYS[1], 'version', 'applied', 'applying')
if found[1] and found[1] ~= '${LAYOUT_VERSION}' then return {'VERSION', found[1]} end
if found[3] then return {'APPLYING'} end
if not found[2] then return {'NONE'} end
local reply = {'OK', found[2]}
for n = 1, #ARGV do
  reply[#reply + 1] = redis.call('HGET', KEYS[2 * n], ARGV[n])
  reply[#reply + 1] = redis.call('HGETALL', KEYS[2 * n + 1])
end
return reply
`)

/** KEYS header; ARGV token, operation, epoch, base. Drops the stages above the epoch. */
export const discardScript: Script = script(`${fenced}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local epoch = string.match(field, '^stage:(%d+)$')
  if epoch and tonumber(epoch) > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], field)
    redis.call('UNLINK', ARGV[4] .. 'staged:' .. epoch)
  end
end
return 'OK'
`)

/**
 * KEYS header; ARGV token, operation. Says that the task is being cleared, from which only the end of the clearing leads away: what is
 * half deleted must not be taken for state.
 */
export const beginClearScript: Script = script(`${fenced}
redis.call('HSET', KEYS[1], 'clearing', '1')
return 'OK'
`)

/** KEYS header, then what to delete; ARGV token, operation. */
export const deleteScript: Script = script(`${fenced}
for n = 2, #KEYS do redis.call('UNLINK', KEYS[n]) end
return 'OK'
`)
