import { describe, expect, it } from 'vitest'
import { booleanSignal, type Collector, type Environment, job, numberSignal } from '../../src/index.ts'
import { compile } from '../../src/plan/compile.ts'
import type { JobGraph } from '../../src/plan/job-graph.ts'

const progress = numberSignal('progress', { combine: 'min' })
const once = booleanSignal('once', { combine: 'or', forward: false })

function compiled(build: (env: Environment) => void, parallelism = 2): JobGraph {
  return compile(job('signals', build).build(), { parallelism, maxParallelism: 128, topicPartitions: new Map() })
}

const hearing = { hears: [progress], onRecord() {} }
const emitting = { emits: [progress], onRecord: (n: number, _: unknown, out: Collector<number>) => out.emit(n) }

describe('the signals of a job', () => {
  it('are known on every input that they can come on', () => {
    const { regions } = compiled((env) => {
      const said = env.from([1]).process(emitting).uid('said')
      said
        .union(env.from([2]))
        .uid('both')
        .keyBy(String)
        .process(hearing)
        .uid('hearing')
        .collect([])
    })
    const nodes = regions.flatMap((region) => region.nodes)
    const into = (uid: string): unknown => nodes.find((node) => node.uid === uid)?.signals
    expect([into('said'), into('both'), into('hearing')]).toEqual([null, [[progress], []], [[progress]]])
  })

  it('make the regions that they come through keep state', () => {
    const stateful = (isEmitting: boolean): boolean[] =>
      compiled((env) => {
        const numbers = env.topic('in', { format: 'x', encode() {}, decode: () => 1 })
        const said = isEmitting ? numbers.process(emitting) : numbers.process({ onRecord: emitting.onRecord })
        said.collect([])
      }).regions.map((region) => region.stateful)
    const log = (isEmitting: boolean): boolean[] =>
      compiled((env) => {
        const numbers = env.topic('in', { format: 'x', encode() {}, decode: () => 1 })
        const said = isEmitting ? numbers.process(emitting) : numbers.process({ onRecord: emitting.onRecord })
        said.toTopic('out', { format: 'x', encode() {}, decode: () => 1 })
      }).regions.map((region) => region.stateful)
    expect([stateful(false), log(false), log(true)]).toEqual([[true], [false], [true]])
  })

  it('are part of its hash, which is what it was where there are none', () => {
    const graph = (emits: readonly (typeof progress)[]): string =>
      compiled((env) =>
        env
          .from([1])
          .process({ ...emitting, emits })
          .collect([]),
      ).hash
    const other = numberSignal('progress', { combine: 'max' })
    expect(new Set([graph([]), graph([progress]), graph([other])]).size).toBe(3)
    expect(graph([])).toBe(compiled((env) => env.from([1]).process({ onRecord: emitting.onRecord }).collect([])).hash)
  })

  it('are refused where nothing before a function emits what it hears', () => {
    const build = (env: Environment): void => {
      env.from([1]).process(hearing).collect([])
      env.from([1]).process(emitting).collect([])
    }
    expect(() => compiled(build)).toThrow(
      /'process' \(process, added at .*\) hears signal 'progress', which nothing before it emits/,
    )
  })

  it('do not come behind a function that is their end', () => {
    const build = (env: Environment): void =>
      void env
        .from([1])
        .process({ ...emitting, emits: [once] })
        .process({ hears: [once], onRecord: emitting.onRecord })
        .process({ hears: [once], onRecord() {} })
        .collect([])
    expect(() => compiled(build)).toThrow(/hears signal 'once'.*forward: false/)
  })

  it('do not come behind bounded operators and into loops', () => {
    expect(() =>
      compiled((env) =>
        env
          .from([1])
          .process(emitting)
          .bounded()
          .sort({ by: (n) => n })
          .stream()
          .process(hearing)
          .collect([]),
      ),
    ).toThrow(/hears signal 'progress'.*over bounded data/)
    expect(() =>
      compiled((env) =>
        env
          .from([1])
          .process(emitting)
          .iterate((loop) => {
            const heard = loop.process({ hears: [progress], onRecord: emitting.onRecord })
            return { feedback: heard.filter(() => false), output: heard }
          })
          .collect([]),
      ),
    ).toThrow(/hears signal 'progress'.*at loops/)
  })

  it('come out of a loop in which they are emitted', () => {
    const { regions } = compiled((env) =>
      env
        .from([1])
        .iterate((loop) => {
          const said = loop.process(emitting)
          return { feedback: said.filter(() => false), output: said }
        })
        .process(hearing)
        .uid('hearing')
        .collect([]),
    )
    expect(regions.flatMap((region) => region.nodes).find(({ uid }) => uid === 'hearing')?.signals).toEqual([
      [progress],
    ])
  })

  it('are refused when one name has two meanings', () => {
    const build = (env: Environment): void =>
      void env
        .from([1])
        .process(emitting)
        .process({ hears: [booleanSignal('progress', { combine: 'or' })], onRecord() {} })
        .collect([])
    expect(() => compiled(build)).toThrow(
      /names the signal boolean 'progress' .*it is the number 'progress' .*declare it once/,
    )
  })

  it('are refused when a function has onSignal and hears none, or names something else', () => {
    expect(() =>
      job('x', (env) =>
        env
          .from([1])
          .process({ onRecord() {}, onSignal() {} })
          .collect([]),
      ).build(),
    ).toThrow(/has onSignal, and hears no signal/)
    expect(() =>
      job('x', (env) =>
        env
          .from([1])
          .keyBy(String)
          .process({ emits: ['progress' as never], onRecord() {} })
          .collect([]),
      ).build(),
    ).toThrow(/not made by numberSignal or booleanSignal/)
  })
})
