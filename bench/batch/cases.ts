import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFiles, text } from '@millrace/connectors'
import { type DataSet, type Environment, job, memoryLog } from '@millrace/core'
import type { Sink } from '@millrace/core/spi'

/** What one run did, as its own process tells it. */
export interface BatchRun {
  readonly records: number
  readonly seconds: number
  /** Of the whole process, its start included. */
  readonly cpuSeconds: number
  readonly spilledBytes: number
  /** The most that operators held, as they estimate it. */
  readonly heldBytes: number
  /** Of the whole process. */
  readonly peakRssBytes: number
}

export interface BatchSize {
  /** 1 is a gigabyte of text, ten million records to sort, five million to join with one million. */
  readonly scale: number
  readonly budgetBytes: number
  /** The text to count the words of. */
  readonly textFile: string
}

interface Row {
  readonly key: number
  readonly text: string
}

/** The same numbers in every run, without order. */
function scatter(index: number): number {
  let hash = Math.imul(index, 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return (hash ^ (hash >>> 15)) >>> 0
}

const row = (index: number): Row => ({ key: scatter(index), text: `text of record ${index}` })

/** Looks at every result, in order, and keeps none. */
function checking<T>(look: (value: T) => void): Sink<T> {
  return {
    name: 'check',
    guarantee: 'idempotent',
    async open() {
      return { write: look, async flush() {}, async close() {} }
    },
  }
}

type Case = (size: BatchSize) => {
  readonly records: number
  readonly build: (env: Environment) => void
  /** Throws when the result is wrong. */
  readonly check: () => void
}

const VOCABULARY = 100_000
const WORDS_PER_LINE = 12

export const cases: Readonly<Record<string, Case>> = {
  'word-count': ({ scale, textFile }) => {
    const lines = textLines(scale)
    let counted = 0
    return {
      records: lines * WORDS_PER_LINE,
      build(env) {
        env
          .source(readFiles(textFile, text()))
          .bounded()
          .flatMap((line) => line.split(' '))
          .groupBy((word) => word)
          .count()
          .stream()
          .to(
            checking<readonly [string, number]>(([, count]) => {
              counted += count
            }),
          )
      },
      check: () => expectEqual(counted, lines * WORDS_PER_LINE),
    }
  },
  sort: ({ scale }) => {
    const records = Math.round(10_000_000 * scale)
    let last = -1
    let seen = 0
    return {
      records,
      build(env) {
        generated(env, records)
          .sort('key')
          .stream()
          .to(
            checking<Row>(({ key }) => {
              if (key < last) throw new Error(`${key} comes after ${last}`)
              last = key
              seen++
            }),
          )
      },
      check: () => expectEqual(seen, records),
    }
  },
  join: ({ scale }) => {
    const [many, few] = [Math.round(5_000_000 * scale), Math.round(1_000_000 * scale)]
    let seen = 0
    return {
      records: many + few,
      build(env) {
        const small = env
          .generate({ make: (n): Row => ({ key: n, text: `text of record ${n}` }), count: few })
          .bounded()
        const large = env
          .generate({ make: (n): Row => ({ key: scatter(n) % few, text: `order ${n}` }), count: many })
          .bounded()
        large
          .join(small, { key: 'key', by: 'key' }, (order, own) => order.text.length + own.text.length)
          .stream()
          .to(
            checking(() => {
              seen++
            }),
          )
      },
      check: () => expectEqual(seen, many),
    }
  },
}

function generated(env: Environment, count: number): DataSet<Row> {
  return env.generate({ make: row, count }).bounded()
}

function expectEqual(seen: number, expected: number): void {
  if (seen !== expected) throw new Error(`There are ${seen} results; there should be ${expected}.`)
}

function textLines(scale: number): number {
  return Math.round(12_200_000 * scale)
}

/** About a gigabyte at scale 1: words of a vocabulary of a hundred thousand, some much more frequent than others. */
export async function writeText(path: string, scale: number): Promise<void> {
  const file = createWriteStream(path)
  const lines = textLines(scale)
  let word = 0
  for (let line = 0; line < lines; ) {
    let chunk = ''
    for (const end = Math.min(lines, line + 1000); line < end; line++) {
      for (let at = 0; at < WORDS_PER_LINE; at++) {
        const uniform = scatter(word++) / 2 ** 32
        chunk += `w${Math.floor(uniform * uniform * uniform * VOCABULARY)}${at === WORDS_PER_LINE - 1 ? '\n' : ' '}`
      }
    }
    if (!file.write(chunk)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'finish')
}

/** Runs a case in this process, which should do nothing else. */
export async function runCase(name: string, size: BatchSize): Promise<BatchRun> {
  const { records, build, check } = (cases[name] as Case)(size)
  const startedAt = performance.now()
  const handle = job(name, build).start({ log: memoryLog(), memoryBudget: size.budgetBytes })
  await handle.done
  const seconds = (performance.now() - startedAt) / 1000
  check()
  const metrics = handle.metrics()
  return {
    records,
    seconds,
    cpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
    spilledBytes: metric(metrics, 'millrace_spilled_bytes'),
    heldBytes: metric(metrics, 'millrace_memory_peak_bytes'),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }
}

function metric(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(name))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
