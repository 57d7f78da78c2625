import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

export interface ResponseModel {
  /** Points of the cumulative share of people who have answered, by simulated minute. */
  answeredBy: [minute: number, share: number][]
  answers: Record<'going' | 'later' | 'alreadyThere' | 'cannot', number>
  cannotReasons: Record<string, number>
  changesMind: number
  travelMin: { median: number, spread: number }
  laterMin: number[]
  neverArrives: number
  checkIn: Record<'code' | 'position' | 'captain', number>
  onSocket: number
  neverChecksOut: number
  endsAtMin: number
}

export interface DrillArguments {
  url: string
  level: 1 | 2 | 3 | 4
  /** `county`, or names of townships, communities or grids separated by commas. */
  scope: string
  plan: string
  /** Simulated seconds per real second. */
  speed: number
  seed: number
  /** Share of phones whose first attempts are lost on the way. */
  offline: number
  /** Share of commands that are sent twice. */
  duplicates: number
  /** Leaves the emergency running after everyone has answered, for looking at the boards. */
  stayOpen: boolean
  json: boolean
  model: ResponseModel
}

export const USAGE = `npm run drill -- [options]
  --url URL          server to play against           (http://localhost:3000)
  --level N          response level 1 to 4            (2)
  --scope S          county, or names separated by commas: 岷阳镇,城郊社区,东大街  (county)
  --plan CODE        standing plan                    (flood)
  --speed N          simulated seconds per second     (60)
  --seed N           same seed, same people           (1)
  --offline SHARE    phones without network at first  (0.05)
  --duplicates SHARE commands sent twice              (0.05)
  --params FILE      response model                   (src/simulator/response-model.json)
  --stay-open        do not terminate at the end
  --json             print the reconciliation as JSON`

/** Throws a sentence that says which argument is wrong. */
export function readArguments(argv: string[]): DrillArguments {
  const { values } = parseArgs({
    args: argv,
    options: {
      'url': { type: 'string', default: 'http://localhost:3000' },
      'level': { type: 'string', default: '2' },
      'scope': { type: 'string', default: 'county' },
      'plan': { type: 'string', default: 'flood' },
      'speed': { type: 'string', default: '60' },
      'seed': { type: 'string', default: '1' },
      'offline': { type: 'string', default: '0.05' },
      'duplicates': { type: 'string', default: '0.05' },
      'params': { type: 'string', default: new URL('./response-model.json', import.meta.url).pathname },
      'stay-open': { type: 'boolean', default: false },
      'json': { type: 'boolean', default: false },
      'help': { type: 'boolean', default: false },
    },
  })
  if (values.help)
    throw new Error(USAGE)
  const number = (name: 'level' | 'speed' | 'seed' | 'offline' | 'duplicates', min: number, max: number) => {
    const value = Number(values[name])
    if (!Number.isFinite(value) || value < min || value > max)
      throw new Error(`--${name} must be a number from ${min} to ${max}, not "${values[name]}"`)
    return value
  }
  const level = number('level', 1, 4)
  if (level !== 1 && level !== 2 && level !== 3 && level !== 4)
    throw new Error('--level must be 1, 2, 3 or 4')
  return {
    url: values.url.replace(/\/$/, ''),
    level,
    scope: values.scope,
    plan: values.plan,
    speed: number('speed', 1, 3600),
    seed: number('seed', 0, 2 ** 32),
    offline: number('offline', 0, 1),
    duplicates: number('duplicates', 0, 1),
    stayOpen: values['stay-open'],
    json: values.json,
    model: JSON.parse(readFileSync(values.params, 'utf8')) as ResponseModel,
  }
}
