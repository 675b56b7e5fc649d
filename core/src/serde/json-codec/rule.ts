import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { describeMismatch } from './mismatch.ts'

/** What a schema demands of a value, as TypeBox checks it. */
export interface Rule {
  /** False also where the check throws: a refinement may not have been written for the value, or it is nested too deep. */
  isKept(value: unknown): boolean
  /** What is wrong with a value that does not keep the rule. */
  complaint(value: unknown): string
}

export function ruleOf(schema: unknown): Rule {
  const validator = Compile(schema as TSchema)
  return {
    isKept: (value) => {
      try {
        return validator.Check(value)
      } catch {
        return false
      }
    },
    complaint: (value) => {
      try {
        validator.Check(value)
        return describeMismatch(validator.Errors(value), value)
      } catch (error) {
        return `its check threw: ${error instanceof Error ? error.message : String(error)}`
      }
    },
  }
}
