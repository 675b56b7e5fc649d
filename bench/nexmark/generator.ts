import { Random } from '@millrace/core/testing'
import type { Auction, Bid, NexmarkEvent, Person } from './events.ts'

const FIRST_ID = 1000
const FIRST_CATEGORY = 10
const CATEGORIES = 5
const GROUP = 50
const PERSONS = 1
const AUCTIONS = 3
/** One of these goes to the hot item of the moment, which changes every `HOT_BATCH`. */
const HOT_BATCH = 100
const ACTIVE_PERSONS = 1000
const OPEN_AUCTIONS = 100
const LEAD = 10
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz'
const TOWNS = ['Ashford', 'Bexley', 'Corby', 'Dorking', 'Ely', 'Frome', 'Girton', 'Hythe', 'Ilkley', 'Jarrow']
const STATES = ['AZ', 'CA', 'ID', 'OR', 'WA', 'WY']
const FIRST_NAMES = ['Anna', 'Boris', 'Clara', 'David', 'Elena', 'Felix', 'Greta', 'Hugo', 'Ines', 'Jonas']
const LAST_NAMES = ['Adler', 'Berger', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Horvat', 'Ivanov', 'Jansen']
const HOT_CHANNELS = ['search', 'social', 'mail', 'store']

export interface NexmarkOptions {
  readonly seed: number
  /** Events in a second of event time. */
  readonly ratePerSecond: number
  /** Event time of the first event. */
  readonly startMs: number
}

/** The first events of the benchmark; every iteration makes the same ones again. */
export class NexmarkEvents implements Iterable<NexmarkEvent> {
  readonly count: number
  readonly #options: NexmarkOptions

  constructor(count: number, options: NexmarkOptions) {
    this.count = count
    this.#options = options
  }

  *[Symbol.iterator](): Iterator<NexmarkEvent> {
    const generator = new NexmarkGenerator(this.#options)
    for (let n = 0; n < this.count; n++) yield generator.next()
  }
}

/** Makes the events of the benchmark one after the other, the same for the same options. */
export class NexmarkGenerator {
  readonly #random: Random
  readonly #startMs: number
  readonly #stepMs: number
  readonly #filler: string
  readonly #hotUrls: readonly string[]
  #next = 0

  constructor({ seed, ratePerSecond, startMs }: NexmarkOptions) {
    this.#random = new Random(seed)
    this.#startMs = startMs
    this.#stepMs = 1000 / ratePerSecond
    this.#filler = Array.from({ length: 1 << 16 }, () => ALPHABET[this.#random.integer(26)]).join('')
    this.#hotUrls = HOT_CHANNELS.map(() => this.#url())
  }

  next(): NexmarkEvent {
    const id = this.#next++
    const time = this.#startMs + Math.floor(id * this.#stepMs)
    const place = id % GROUP
    if (place < PERSONS) return { event_type: 0, person: this.#person(id, time) }
    if (place < PERSONS + AUCTIONS) return { event_type: 1, auction: this.#auction(id, time) }
    return { event_type: 2, bid: this.#bid(id, time) }
  }

  #person(id: number, dateTime: number): Person {
    const { pick } = this
    const person = {
      id: lastPerson(id) + FIRST_ID,
      name: `${pick(FIRST_NAMES)} ${pick(LAST_NAMES)}`,
      emailAddress: `${this.#word(7)}@${this.#word(5)}.com`,
      creditCard: Array.from({ length: 4 }, () => String(this.#random.integer(10_000)).padStart(4, '0')).join(' '),
      city: pick(TOWNS),
      state: pick(STATES),
      dateTime,
    }
    return { ...person, extra: this.#fill(70, 200) }
  }

  #auction(id: number, dateTime: number): Auction {
    const initialBid = this.#price()
    return {
      id: lastAuction(id) + FIRST_ID,
      itemName: this.#word(20),
      description: this.#word(100),
      initialBid,
      reserve: initialBid + this.#price(),
      dateTime,
      expires:
        dateTime +
        1 +
        this.#random.integer(Math.max(1, Math.floor((OPEN_AUCTIONS * GROUP * this.#stepMs) / AUCTIONS)) * 2),
      seller: (this.#random.integer(4) > 0 ? hot(lastPerson(id)) : this.#somePerson(id)) + FIRST_ID,
      category: FIRST_CATEGORY + this.#random.integer(CATEGORIES),
      extra: this.#fill(110, 500),
    }
  }

  #bid(id: number, dateTime: number): Bid {
    const channel = this.#random.integer(2) > 0 ? this.#random.integer(HOT_CHANNELS.length) : -1
    return {
      auction: (this.#random.integer(2) > 0 ? hot(lastAuction(id)) : this.#someAuction(id)) + FIRST_ID,
      bidder: (this.#random.integer(4) > 0 ? hot(lastPerson(id)) + 1 : this.#somePerson(id)) + FIRST_ID,
      price: this.#price(),
      channel: channel < 0 ? `channel-${this.#random.integer(10_000)}` : (HOT_CHANNELS[channel] as string),
      url: channel < 0 ? this.#url() : (this.#hotUrls[channel] as string),
      dateTime,
      extra: this.#fill(32, 100),
    }
  }

  #somePerson(id: number): number {
    const persons = lastPerson(id) + 1
    const active = Math.min(persons, ACTIVE_PERSONS)
    return persons - active + this.#random.integer(active + LEAD)
  }

  #someAuction(id: number): number {
    const last = Math.max(lastAuction(id), 0)
    const first = Math.max(last - OPEN_AUCTIONS, 0)
    return first + this.#random.integer(last - first + 1 + LEAD)
  }

  /** From one to ten thousand, evenly over the orders of magnitude. */
  #price(): number {
    return Math.round(10 ** (this.#random.next() * 6) * 100)
  }

  #url(): string {
    return `https://www.example.com/${this.#word(6)}/${this.#word(6)}/item?id=${this.#random.uint32()}`
  }

  #word(longest: number): string {
    return this.#slice(3 + this.#random.integer(longest - 2))
  }

  /** Text that brings an event of `used` bytes to about `size`. */
  #fill(used: number, size: number): string {
    const wanted = Math.max(0, size - used)
    return this.#slice(Math.round(wanted * (0.8 + this.#random.next() * 0.4)))
  }

  #slice(length: number): string {
    const at = this.#random.integer(this.#filler.length - length)
    return this.#filler.slice(at, at + length)
  }

  private pick = <T>(list: readonly T[]): T => this.#random.pick(list)
}

function lastPerson(id: number): number {
  return Math.floor(id / GROUP)
}

function lastAuction(id: number): number {
  const group = Math.floor(id / GROUP)
  const place = id % GROUP
  return place < PERSONS
    ? (group - 1) * AUCTIONS + AUCTIONS - 1
    : group * AUCTIONS + Math.min(place - PERSONS, AUCTIONS - 1)
}

function hot(last: number): number {
  return Math.floor(Math.max(last, 0) / HOT_BATCH) * HOT_BATCH
}
