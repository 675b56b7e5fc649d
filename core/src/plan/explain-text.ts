import type { ExplainedJob, ExplainedOperator, ExplainedRegion } from './describe.ts'

/** A described job as text for people. */
export function explainText({ job, hash, parallelism, regions }: ExplainedJob): string {
  const tasks = regions.reduce((sum, region) => sum + region.tasks, 0)
  const head = `job ${job}  (graph ${hash}, parallelism ${parallelism}, ${count(regions.length, 'region')}, ${count(tasks, 'task')})`
  return [head, ...regions.map(regionText)].join('\n\n').concat('\n')
}

function regionText({ id, tasks, stateful, operators, exchangesIn }: ExplainedRegion): string {
  const lines = [`region ${id}  (${count(tasks, 'task')}${stateful ? ', keeps state' : ''})`]
  for (const { topic, partitions, from, fromRegion } of exchangesIn) {
    lines.push(`  exchange ${topic}  (${count(partitions, 'partition')}, from ${from} in region ${fromRegion})`)
  }
  const width = Math.max(...operators.map(({ uid }) => uid.length))
  for (const operator of operators) lines.push(`  ${operator.uid.padEnd(width)}  ${operatorText(operator)}`)
  return lines.join('\n')
}

function operatorText({ uid, name, type, inputs, outside, guarantee, callSite }: ExplainedOperator): string {
  const parts = [name === type ? type : `${type} '${name}'`]
  if (outside !== null && outside !== name && outside !== `topic ${name}`) parts.push(outside)
  if (inputs.length > 0) {
    parts.push(`<- ${inputs.map(({ from, tag, exchange }) => `${from}${tag === null ? '' : `#${tag}`}${exchange === null ? '' : ' (exchange)'}`).join(', ')}`)
  }
  if (guarantee !== null) parts.push(`[${guarantee}]`)
  parts.push(`at ${callSite}`)
  return uid === '' ? '' : parts.join('  ')
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
