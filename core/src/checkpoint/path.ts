/** The uid in `<uid>/<name of a state>` or `<uid>/<split>`. */
export function uidOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}
