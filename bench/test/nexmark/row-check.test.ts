import { expect, it } from 'vitest'
import type { Answer } from '../../nexmark/answers/answer.ts'
import type { Row } from '../../nexmark/queries/index.ts'
import { HashList } from '../../nexmark/verify/hash-list.ts'
import { type Difference, RowCheck } from '../../nexmark/verify/row-check.ts'
import { rowText } from '../../nexmark/verify/row-text.ts'

const columns = { id: 'integer', name: 'text' } as const

function answer(rows: readonly (readonly Row[])[]): Answer {
  return { columns, rows: () => rows }
}

async function compare(expected: readonly (readonly Row[])[], actual: readonly Row[]): Promise<Difference> {
  const check = new RowCheck(answer(expected), [])
  const hashes = new HashList()
  for (const row of actual) hashes.push(check.hash(row))
  return await check.compare(hashes, async (visit) => {
    for (const row of actual) visit(row)
  })
}

const ann = { id: 1, name: 'Ann' }
const ben = { id: 2, name: 'Ben' }

it('finds no difference in rows of another order, with fields that are no columns', async () => {
  const { expected, missing, extra } = await compare([[ann], [ben]], [{ ...ben, note: 'x' }, ann])
  expect([expected, missing, extra]).toEqual([2, 0, 0])
})

it('counts rows that are missing, too many, or other ones, and shows them', async () => {
  const text = rowText(columns)
  expect(await compare([[ann], [ben]], [ben])).toMatchObject({ missing: 1, extra: 0, missingRows: [text(ann)] })
  expect(await compare([[ann]], [ann, ann])).toMatchObject({ missing: 0, extra: 1, extraRows: [text(ann)] })
  const other = { id: 2, name: 'Bob' }
  expect(await compare([[ann], [ben]], [ann, other])).toMatchObject({
    missingRows: [text(ben)],
    extraRows: [text(other)],
  })
  expect(await compare([[ann]], [{ id: 1 }])).toMatchObject({ missing: 1, extra: 1 })
})

it('takes any of the rows of a choice, but one only', async () => {
  const anna = { id: 1, name: 'Anna' }
  expect(await compare([[ann, anna]], [anna])).toMatchObject({ missing: 0, extra: 0 })
  expect(await compare([[ann, anna]], [ann, anna])).toMatchObject({ missing: 0, extra: 1 })
})

it('reads times and decimals as any of the systems writes them', () => {
  const text = rowText({ at: 'time', price: 'decimal' })
  const row = text({ at: 1_700_000_000_250, price: 0.908 * 1234 })
  expect(text({ at: '2023-11-14 22:13:20.25', price: '1120.472' })).toBe(row)
  expect(text({ at: '2023-11-14 22:13:20', price: 1120.472 })).not.toBe(row)
  expect(text({ at: 1_700_000_000_250, price: 1120.473 })).not.toBe(row)
})
