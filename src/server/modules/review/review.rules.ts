/** Pure rules of the review. */

/** A curve covers three hours at most, in steps that keep it readable: below 200 points. */
export function curveStep(minutes: number): { stepMin: number, steps: number } {
  const shown = Math.min(Math.max(minutes, 1), 180)
  const stepMin = shown <= 5 ? 0.25 : shown <= 60 ? 1 : 2
  return { stepMin, steps: Math.ceil(shown / stepMin) }
}

interface Arrival { teamId: string, at: string }

/** When the first person was there, and when half of all posts and all of them were filled. A surplus in one team fills no post of another. */
export function arrivalTimes(teams: readonly { teamId: string, required: number }[], arrivals: readonly Arrival[]): { first: string | null, half: string | null, all: string | null } {
  const open = new Map(teams.map(t => [t.teamId, t.required]))
  const posts = teams.reduce((sum, t) => sum + t.required, 0)
  const inOrder = [...arrivals].sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0)
  const filledAt = inOrder.flatMap(({ teamId, at }) => {
    const left = open.get(teamId) ?? 0
    if (left === 0)
      return []
    open.set(teamId, left - 1)
    return [at]
  })
  return { first: inOrder[0]?.at ?? null, half: posts === 0 ? null : filledAt[Math.ceil(posts / 2) - 1] ?? null, all: posts === 0 ? null : filledAt[posts - 1] ?? null }
}
