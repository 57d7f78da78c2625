/**
 * Numbers of the database's advisory locks, in one place, because two uses of one number would wait for
 * each other. The value means nothing. Order where one holds several: demo → import → switch → rosters.
 */
export const ADVISORY = {
  migrate: 7_155_201,
  /** Loading the demo county, of several first starts one. */
  demo: 7_155_202,
  import: 7_155_203,
  /** The switch: presses, and what else takes people from other emergencies. */
  switch: 7_155_204,
  rosters: 7_155_205,
} as const
