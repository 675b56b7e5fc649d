import type { Serde } from '../../serde/serde.ts'
import type { OperatorSpec } from '../graph-builder.ts'
import type { DataSet } from './data-set.ts'

/** An operator that needs all of its input. */
export type BoundedSpec = Omit<OperatorSpec, 'bounded'>

/** Adds an operator to the job and gives what comes out of it, which travels by this serde. */
export type AddOperator = <Out>(spec: BoundedSpec, serde?: Serde<Out>) => DataSet<Out>
