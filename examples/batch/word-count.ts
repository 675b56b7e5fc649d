import { csv, readFiles, text, writeFiles } from '@millrace/connectors'
import { type Job, job } from '@millrace/core'

/** How often each word is in the lines of some files, most often first, as CSV. */
export function wordCount(pattern: string, directory: string): Job {
  return job('word-count', (env) => {
    env
      .source(readFiles(pattern, text()))
      .bounded()
      .flatMap((line) => line.toLowerCase().match(/\p{L}+/gu) ?? [])
      .groupBy((word) => word)
      .count()
      .map(([word, count]) => ({ word, count }))
      .sort({ by: 'count', order: 'descending' }, 'word')
      .stream()
      .to(writeFiles(directory, csv({ columns: { word: 'string', count: 'number' } })))
  })
}
