import { job, tumbling, watermarks } from '@millrace/core'

const visits = [
  { page: '/', at: 1_000 },
  { page: '/docs', at: 12_000 },
  { page: '/', at: 31_000 },
  { page: '/', at: 29_000 }, // out of order: windows go by event time
  { page: '/', at: 64_000 },
]

const perHalfMinute = job('visits', (env) => {
  env
    .from(visits, { time: watermarks.bounded('5s', (visit) => visit.at) })
    .keyBy((visit) => visit.page)
    .window(tumbling('30s'))
    .aggregate(
      { create: () => 0, add: (count) => count + 1, result: (count) => count },
      (count, { key, window }) => `${window.start / 1000}s ${key} ${count}`,
    )
    .print()
})

await perHalfMinute.run()
