import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')

it('the README shows the quick start as it is, and what it prints', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const program = join(root, 'examples/quickstart.ts')
  expect(readme).toContain(`\`\`\`ts\n${readFileSync(program, 'utf8')}\`\`\``)
  const printed = execFileSync(process.execPath, ['--conditions=@millrace/source', program], { encoding: 'utf8' })
  expect(readme).toContain(`\`\`\`\n${printed}\`\`\``)
})
