/*
 * The interface of Standard Schema v1 (standardschema.dev), as far as a serde needs it, which zod, valibot, arktype and
 * others implement. Declared here, since it is meant to be copied and needs no dependency.
 */

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** The issues as one line of text: `user.age: must be a number; items[2]: is required`. */
export function describeIssues(issues: readonly StandardIssue[]): string {
  return issues.map(describeIssue).join('; ')
}

function describeIssue(issue: StandardIssue): string {
  let path = ''
  for (const segment of issue.path ?? []) {
    const key = typeof segment === 'object' ? segment.key : segment
    if (typeof key === 'number') path += `[${key}]`
    else path += path === '' ? String(key) : `.${String(key)}`
  }
  return path === '' ? issue.message : `${path}: ${issue.message}`
}
