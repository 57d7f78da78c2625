import type { EmergencyEvent, PersonChange, Standing } from '../../src/contract/events.ts'
import { describe, expect, it } from 'vitest'
import { maskName, timelineEntry, timelineOf } from '../../src/server/modules/boards/timeline.rules.ts'

const at = (gridId: string): Standing => ({ audience: 'team', teamId: `t-${gridId}`, gridId, memberState: 'active', callState: 'called', answer: null, presence: 'none' })
const change = (gridId: string, unitId = 'u1'): PersonChange => ({ personId: 'p', name: '李建国', unitId, post: null, before: at(gridId), after: at(gridId) })
const event = (type: EmergencyEvent['type'], data: object) => ({ emergencyId: 'e', seq: 1, type, v: 1, at: '', actorId: 'a', actorName: '书记', data }) as EmergencyEvent

const WALL = { sees: () => true, unitId: null, masksNames: true }
const HERE = { sees: (g: string) => g === 'here', unitId: null, masksNames: false }
const UNIT = { sees: () => false, unitId: 'u1', masksNames: false }
const nameIn = (e: EmergencyEvent | null) => e === null ? null : (e.data as { change: PersonChange }).change.name

describe('a timeline', () => {
  it('names a person to his own place and unit, masks him on the county\'s, and says nothing elsewhere', () => {
    const answered = (gridId: string, unitId?: string) => event('call.answered', { change: change(gridId, unitId) })
    expect(nameIn(timelineEntry(answered('here'), HERE))).toBe('李建国')
    expect(nameIn(timelineEntry(answered('there'), HERE))).toBeNull()
    expect(nameIn(timelineEntry(answered('there'), WALL))).toBe('李**')
    expect(nameIn(timelineEntry(answered('there'), UNIT))).toBe('李建国')
    expect(nameIn(timelineEntry(answered('there', 'u2'), UNIT))).toBeNull()
  })

  it('cuts a list of people to those whom the reader sees', () => {
    const reinforced = event('team.reinforced', { fromTeamId: null, team: { gridId: 'there' }, reason: '', people: [change('here'), change('there')] })
    expect(timelineEntry(reinforced, HERE)?.data).toMatchObject({ people: [{ name: '李建国' }] })
    expect((timelineEntry(reinforced, HERE)?.data as { people: unknown[] }).people).toHaveLength(1)
    expect((timelineEntry(reinforced, WALL)?.data as { people: PersonChange[] }).people.map(p => p.name)).toEqual(['李**', '李**'])
  })

  it('leaves tiles behind and sums bulk rows to one per kind of change', () => {
    const pressed = event('emergency.activated', { header: {}, teams: [{ gridId: 'here' }], gridIds: ['here', 'there'], changes: [{ before: null, after: at('here'), n: 2 }, { before: null, after: at('there'), n: 3 }] })
    expect(timelineEntry(pressed, WALL)?.data).toMatchObject({ teams: [], gridIds: ['here', 'there'], changes: [{ n: 5, after: { gridId: null, teamId: null } }] })
    expect(timelineEntry(pressed, HERE)?.data).toMatchObject({ gridIds: ['here'], changes: [{ n: 2 }] })
    expect(timelineEntry(pressed, UNIT)?.data).toMatchObject({ header: {}, changes: [] })
    expect(timelineEntry(event('calls.called', { changes: [{ before: null, after: at('there'), n: 3 }] }), HERE)).toBeNull()
  })

  it('names nobody whose place it does not know', () => {
    const late = event('call.answeredLate', { answerId: 'x', personId: 'p', name: '李建国', answer: 'going', via: 'app' })
    expect(timelineEntry(late, HERE)).toBeNull()
    expect(timelineEntry(late, WALL)?.data).toMatchObject({ name: '李**' })
    const unsigned = event('presence.unsignedListed', { personId: 'p', name: '李建国', reason: '', change: change('here') })
    expect(timelineEntry(unsigned, HERE)?.data).toMatchObject({ name: '李建国' })
    expect(timelineEntry(unsigned, WALL)?.data).toMatchObject({ name: '李**', change: { name: '李**' } })
    expect(timelineEntry(event('presence.rollCallClosed', { rollCallId: 'r', present: 1, missing: ['李建国', '王强'] }), HERE)?.data).toMatchObject({ missing: ['', ''] })
  })

  it('tells both sides of a pre-emption: the giver where its people stood, the taker everywhere', () => {
    const said = { fromEmergencyId: 'f', fromName: '降雪', byEmergencyId: 'e', byName: '防汛', taken: 2 }
    expect(timelineEntry(event('team.preempted', { ...said, changes: [] }), WALL)?.data).toMatchObject({ taken: 2 })
    expect(timelineEntry(event('team.preempted', { ...said, changes: [] }), HERE)).not.toBeNull()
    const given = event('team.preempted', { ...said, changes: [{ before: at('there'), after: at('there'), n: 2 }] })
    expect(timelineEntry(given, WALL)).not.toBeNull()
    expect(timelineEntry(given, HERE)).toBeNull()
  })

  it('shows a team\'s news where the team is', () => {
    const confirmed = event('team.confirmed', { team: { gridId: 'there' } })
    expect(timelineEntry(confirmed, HERE)).toBeNull()
    expect(timelineEntry(confirmed, WALL)).not.toBeNull()
  })

  it('keeps the first character of a name, also a rare one', () => {
    expect(maskName('李')).toBe('李')
    expect(maskName('𠮷野家')).toBe('𠮷**')
  })

  it('keeps the newest few that the view shows, in order', () => {
    const heard = Array.from({ length: 100 }, (_, i) => ({ ...event('team.confirmed', { team: { gridId: i % 2 === 0 ? 'here' : 'there' } }), seq: i + 1 })) as EmergencyEvent[]
    expect(timelineOf(heard, HERE, 3).map(e => e.seq)).toEqual([95, 97, 99])
    expect(timelineOf(heard, { ...HERE, sees: () => false }, 3)).toEqual([])
  })
})
