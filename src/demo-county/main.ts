import process from 'node:process'
import { parseArgs } from 'node:util'
import { writeCounty } from './write.ts'

const { values } = parseArgs({ options: { scale: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' }, out: { type: 'string' } } })
const scale = Number(values.scale)
const seed = Number(values.seed)
if (values.out === undefined || !Number.isInteger(scale) || scale < 1 || scale > 100 || !Number.isInteger(seed)) {
  process.stderr.write('npm run demo-county -- --out DIR [--scale 1…100] [--seed N]\n')
  process.exit(2)
}
const { tables, accounts } = writeCounty(values.out, { scale, seed })
process.stdout.write(`${values.out}: ${Object.entries(tables).map(([name, rows]) => `${name} ${rows.length}`).join(', ')}; ${accounts.length} demo accounts\n`)
