import { describe, expect, it } from 'vitest'
import { Calendar } from '../../src/time/calendar.ts'

const HOUR = 3_600_000

function day(text: string): number {
  return Date.parse(`${text}T00:00:00Z`) / 86_400_000
}

describe('the days of a time zone', () => {
  it('begin at its midnight', () => {
    const berlin = new Calendar('Europe/Berlin')
    expect(new Date(berlin.startOf(day('2026-01-15'))).toISOString()).toBe('2026-01-14T23:00:00.000Z')
    expect(new Date(berlin.startOf(day('2026-07-15'))).toISOString()).toBe('2026-07-14T22:00:00.000Z')
    expect(berlin.dayOf(Date.parse('2026-01-14T22:59:59.999Z'))).toBe(day('2026-01-14'))
    expect(berlin.dayOf(Date.parse('2026-01-14T23:00:00Z'))).toBe(day('2026-01-15'))
  })

  it('have 23 and 25 hours when the clocks change', () => {
    const berlin = new Calendar('Europe/Berlin')
    const hours = (date: string): number => (berlin.startOf(day(date) + 1) - berlin.startOf(day(date))) / HOUR
    expect([hours('2026-03-28'), hours('2026-03-29'), hours('2026-03-30')]).toEqual([24, 23, 24])
    expect([hours('2026-10-24'), hours('2026-10-25'), hours('2026-10-26')]).toEqual([24, 25, 24])
  })

  it('begin at one where the clocks skip midnight, and are found in zones far from UTC', () => {
    const saoPaulo = new Calendar('America/Sao_Paulo')
    const start = saoPaulo.startOf(day('2018-11-04'))
    expect(new Date(start).toISOString()).toBe('2018-11-04T03:00:00.000Z')
    expect(saoPaulo.startOf(day('2018-11-05')) - start).toBe(23 * HOUR)
    const kiritimati = new Calendar('Pacific/Kiritimati')
    expect(new Date(kiritimati.startOf(day('2026-01-15'))).toISOString()).toBe('2026-01-14T10:00:00.000Z')
    expect(kiritimati.dayOf(Date.parse('2026-01-14T10:00:00Z'))).toBe(day('2026-01-15'))
    const pagoPago = new Calendar('Pacific/Pago_Pago')
    expect(pagoPago.dayOf(Date.parse('2026-01-15T10:59:59Z'))).toBe(day('2026-01-14'))
  })

  it('go on before 1970', () => {
    const utc = new Calendar('UTC')
    expect(utc.dayOf(-1)).toBe(-1)
    expect(utc.startOf(-400_000)).toBe(-400_000 * 24 * HOUR)
  })

  it('are not those of a place that does not exist', () => {
    expect(() => new Calendar('Europe/Atlantis')).toThrow(/'Europe\/Atlantis' is not a time zone/)
  })
})
