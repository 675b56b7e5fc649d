import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { canBind } from '../src/ports.ts'

it('ends the servers and removes their data when the process that started them is killed', async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'millrace-guard-test-'))
  const holder = spawn(process.execPath, [join(import.meta.dirname, 'holder.ts')], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: holder.stdout }), 'line')) as [string]
  const ports = JSON.parse(line) as number[]
  const free = () => Promise.all(ports.map(canBind))
  const folders = () => readdirSync(temporary).filter((name) => /^millrace-(redis|kafka)-/.test(name))
  expect(await free()).toEqual([false, false])
  expect(folders()).toHaveLength(2)

  holder.kill('SIGKILL')

  await expect.poll(free, { timeout: 20_000 }).toEqual([true, true])
  await expect.poll(folders, { timeout: 20_000 }).toEqual([])
  rmSync(temporary, { recursive: true })
})
