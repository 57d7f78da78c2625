import { Buffer } from 'node:buffer'
import { describe, expect, it } from 'vitest'
import { checkInCode, distanceM, gcj02ToWgs84, isAfterLimit, judgePosition, readCheckInCode } from '../../src/server/modules/presence/presence.rules.ts'
import { Secret } from '../../src/server/platform/secrets.ts'

const key = new Secret(Buffer.alloc(32, 7))
const TEAM = '019a0000-0000-7000-8000-000000000001'
const at = (second: number) => new Date(Date.UTC(2026, 6, 1, 2, 0, second))

describe('the rotating code', () => {
  const { code, expiresAt } = checkInCode(key, TEAM, at(10))

  it('names its team as long as it is shown and one slot longer', () => {
    expect(readCheckInCode(key, code, at(10))).toBe(TEAM)
    expect(readCheckInCode(key, code, at(59))).toBe(TEAM)
    expect(readCheckInCode(key, code, at(119))).toBe(TEAM)
    expect(expiresAt).toEqual(at(60))
  })

  it('is dead two slots later, and was not alive before its own', () => {
    expect(readCheckInCode(key, code, at(120))).toBeNull()
    expect(readCheckInCode(key, code, at(-1))).toBeNull()
  })

  it('changes with the slot and fits into a link', () => {
    expect(checkInCode(key, TEAM, at(70)).code).not.toBe(code)
    expect(code).toMatch(/^[\w-]+\.[\w-]+$/)
  })

  it.each([
    ['another key', checkInCode(new Secret(Buffer.alloc(32, 8)), TEAM, at(10)).code],
    ['another team with this MAC', `${checkInCode(key, TEAM.replace(/1$/, '2'), at(10)).code.split('.')[0]}.${code.split('.')[1]}`],
    ['a cut code', code.slice(0, -3)],
    ['no code at all', 'hello'],
    ['nothing', ''],
  ])('refuses %s', (_, forged) => {
    expect(readCheckInCode(key, forged, at(10))).toBeNull()
  })
})

describe('positions', () => {
  it.each([
    [31.17530398364597, 121.531541859215, 31.1774276, 121.5272106],
    [22.540796131694766, 113.9171764808363, 22.543847, 113.912316],
    [39.91334545536069, 116.38404722455657, 39.911954, 116.377817],
  ])('of Chinese maps are brought to WGS-84 within ten metres (%f, %f)', (latitude, longitude, trueLatitude, trueLongitude) => {
    expect(distanceM(gcj02ToWgs84({ latitude, longitude }), { latitude: trueLatitude, longitude: trueLongitude })).toBeLessThan(10)
  })

  it('are a degree of latitude apart where they should be', () => {
    expect(distanceM({ latitude: 34, longitude: 104 }, { latitude: 35, longitude: 104 })).toBeCloseTo(111_195, -1)
  })

  const rally = { latitude: 34.44, longitude: 104.04, fenceM: 300 }
  const near = { latitude: 34.441, longitude: 104.04, accuracyM: 20 }
  it('inside the fence raise nothing', () => {
    expect(judgePosition(near, rally)).toEqual({ flags: [], distanceM: 111 })
  })
  it('outside the fence, vague ones, and where nobody measured the rally point are flagged', () => {
    expect(judgePosition({ ...near, latitude: 34.45 }, rally).flags).toEqual(['outOfFence'])
    expect(judgePosition({ ...near, accuracyM: 900 }, rally).flags).toEqual(['lowAccuracy'])
    expect(judgePosition({ ...near, latitude: 34.45, accuracyM: 900 }, rally).flags).toEqual(['lowAccuracy', 'outOfFence'])
    expect(judgePosition(near, null)).toEqual({ flags: ['noRallyPosition'], distanceM: null })
  })
})

describe('the rally limit', () => {
  it('is passed a moment later, and does not exist on standby', () => {
    expect(isAfterLimit(at(10), at(10))).toBe(false)
    expect(isAfterLimit(at(11), at(10))).toBe(true)
    expect(isAfterLimit(at(11), null)).toBe(false)
  })
})
