import type { ColumnType } from '../answers/answer.ts'
import type { Row } from '../queries/index.ts'

const SEPARATOR = '\u001f'

/** Writes rows so that equal ones have equal text, whichever system they come from. Other fields than the columns are left out. */
export function rowText(columns: Readonly<Record<string, ColumnType>>): (row: Row) => string {
  const entries = Object.entries(columns)
  return (row) => {
    let text = ''
    for (const [name, type] of entries) text += write(row[name], type) + SEPARATOR
    return text
  }
}

function write(value: unknown, type: ColumnType): string {
  // A column that is missing is a difference, not a failure: it shows in the text.
  if (value === undefined || value === null) return String(value)
  if (type === 'time') return String(typeof value === 'string' ? Date.parse(`${value.replace(' ', 'T')}Z`) : value)
  // Products of a float and a decimal differ in their last binary digits; prices have three decimals.
  return type === 'decimal' ? Number(value).toFixed(3) : String(value)
}
