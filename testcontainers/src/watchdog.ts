// Runs as a process of its own beside every process that has started servers. Its standard input is a pipe from that
// process; the pipe ends when the process does, however it ended, and then the servers and their data go too.
// Lines in: {"server":pid} {"ended":pid} {"folder":path} {"removed":path}. No imports of the package: it starts fast.

import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

interface Message {
  readonly server?: number
  readonly ended?: number
  readonly folder?: string
  readonly removed?: string
}

const servers = new Set<number>()
const folders = new Set<string>()

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as Message
  if (message.server !== undefined) servers.add(message.server)
  if (message.ended !== undefined) servers.delete(message.ended)
  if (message.folder !== undefined) folders.add(message.folder)
  if (message.removed !== undefined) folders.delete(message.removed)
}

for (const pid of servers) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}
// A server that is just dying may still write into its folder.
for (let tries = 0; folders.size > 0 && tries < 20; tries++) {
  for (const folder of folders) {
    try {
      rmSync(folder, { recursive: true, force: true })
      folders.delete(folder)
    } catch {
      // Tried again below.
    }
  }
  if (folders.size > 0) await delay(100)
}
