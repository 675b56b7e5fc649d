import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { canBind, reservePorts } from '../src/ports.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-ports-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A source of randomness that picks the given ports in turn. */
const picks = (...ports: number[]) => {
  let next = 0
  return () => ((ports[next++ % ports.length] ?? 0) - 12_000 + 0.5) / 20_000
}

async function freePort(): Promise<number> {
  const reservation = await reservePorts(1, { folder })
  reservation.release()
  return reservation.ports[0] ?? 0
}

describe('reservePorts', () => {
  it('gives distinct ports that a server can listen on', async () => {
    const { ports } = await reservePorts(20, { folder })
    expect(new Set(ports).size).toBe(20)
    for (const port of ports) expect(await canBind(port)).toBe(true)
  })

  it('does not give a port that another reservation holds', async () => {
    const [a, b] = [await freePort(), await freePort()]
    const first = await reservePorts(1, { folder, random: picks(a) })
    const second = await reservePorts(1, { folder, random: picks(a, b) })
    expect([first.ports, second.ports]).toEqual([[a], [b]])
  })

  it('gives a released port again', async () => {
    const port = await freePort()
    const first = await reservePorts(1, { folder, random: picks(port) })
    first.release()
    expect((await reservePorts(1, { folder, random: picks(port) })).ports).toEqual([port])
  })

  it('takes over the port of an owner that is dead', async () => {
    const port = await freePort()
    writeFileSync(join(folder, String(port)), String(2 ** 30))
    expect((await reservePorts(1, { folder, random: picks(port) })).ports).toEqual([port])
  })

  it('skips a port that somebody listens on', async () => {
    const [taken, free] = [await freePort(), await freePort()]
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(taken, '127.0.0.1', resolve))
    try {
      expect((await reservePorts(1, { folder, random: picks(taken, free) })).ports).toEqual([free])
      expect(existsSync(join(folder, String(taken)))).toBe(false)
    } finally {
      server.close()
    }
  })

  it('holds the companion of each port too', async () => {
    const { ports, release } = await reservePorts(2, { folder, companion: 10_000 })
    const both = ports.flatMap((port) => [port, port + 10_000])
    expect(readdirSync(folder).map(Number).sort()).toEqual(both.sort())
    release()
    expect(readdirSync(folder)).toEqual([])
  })

  it('gives up when every port is held, and holds none', async () => {
    const port = await freePort()
    await reservePorts(1, { folder, random: picks(port) })
    await expect(reservePorts(1, { folder, random: picks(port) })).rejects.toMatchObject({ code: 'SERVER_UNAVAILABLE' })
    expect(readdirSync(folder)).toEqual([String(port)])
  })
})
