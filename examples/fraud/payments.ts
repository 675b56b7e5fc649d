/** A card payment. Times are milliseconds since the Unix epoch, amounts are euros. */
export interface Payment {
  readonly id: string
  readonly card: string
  readonly merchant: string
  readonly city: City
  readonly amount: number
  readonly time: number
}

export type Rule = 'velocity' | 'probe' | 'travel'

/** Why a payment was stopped; `payment` is the one that completed the pattern. */
export interface Alert {
  readonly rule: Rule
  readonly card: string
  readonly payment: string
  readonly time: number
  readonly reason: string
}

/** Payments that a watched pattern, in one of its versions, has found. */
export interface Suspicion {
  readonly rule: string
  readonly version: number
  readonly card: string
  readonly payments: readonly string[]
}

/** What a merchant took in one minute. */
export interface MerchantReport {
  readonly merchant: string
  readonly minute: number
  readonly payments: number
  readonly total: number
  readonly largest: number
}

export const cities = {
  Amsterdam: [52.37, 4.9],
  Berlin: [52.52, 13.41],
  Lisbon: [38.72, -9.14],
  London: [51.51, -0.13],
  'New York': [40.71, -74.01],
  Paris: [48.86, 2.35],
  Singapore: [1.35, 103.82],
  Tokyo: [35.68, 139.69],
  Vienna: [48.21, 16.37],
  Warsaw: [52.23, 21.01],
} as const satisfies Record<string, readonly [number, number]>

export type City = keyof typeof cities

const EARTH_RADIUS_KM = 6371

/** Kilometres between two cities along the great circle (haversine formula). */
export function distanceKm(from: City, to: City): number {
  const [latitude1, longitude1] = positionOf(from)
  const [latitude2, longitude2] = positionOf(to)
  const a =
    Math.sin((latitude2 - latitude1) / 2) ** 2 +
    Math.cos(latitude1) * Math.cos(latitude2) * Math.sin((longitude2 - longitude1) / 2) ** 2
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(a))
}

/** In radians. */
function positionOf(city: City): readonly [number, number] {
  const [latitude, longitude] = cities[city]
  return [radians(latitude), radians(longitude)]
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
