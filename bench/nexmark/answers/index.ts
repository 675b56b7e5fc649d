import type { QueryName } from '../queries/index.ts'
import type { Answer } from './answer.ts'
import { q3, q4, q18, q20 } from './auctions.ts'
import { q0, q1, q2 } from './stateless.ts'
import { q5, q7, q8, q11 } from './windows.ts'

export const answers: Readonly<Record<QueryName, Answer>> = { q0, q1, q2, q3, q4, q5, q7, q8, q11, q18, q20 }
