import { z } from 'zod'
import { Day, Id, LongText, ShortText } from './common.ts'
import { EXEMPTION_REASONS, GRID_POSTS, MOBILISATION_CLASSES, MODES, PLACE_TYPES, POLITICAL_STATUSES, UNIT_CATEGORIES } from './vocabulary.ts'

/** GET /api/registry/tree: the places that the reader's scope covers, each with its derived mode. */
export const GridNode = z.strictObject({
  id: Id,
  code: z.string(),
  name: z.string(),
  placeType: z.enum(PLACE_TYPES),
  mode: z.enum(MODES),
  pairingMode: z.enum(['1+1', 'N+1', 'none']),
  units: z.array(z.strictObject({ id: Id, name: z.string(), isLead: z.boolean() })),
  chief: z.strictObject({ personId: Id, name: z.string() }).nullable(),
  rallyPoint: z.string().nullable(),
})
export type GridNode = z.infer<typeof GridNode>
export const CommunityNode = z.strictObject({ id: Id, code: z.string(), name: z.string(), grids: z.array(GridNode) })
export type CommunityNode = z.infer<typeof CommunityNode>
export const TownshipNode = z.strictObject({ id: Id, code: z.string(), name: z.string(), communities: z.array(CommunityNode) })
export type TownshipNode = z.infer<typeof TownshipNode>
export const PlaceTree = z.strictObject({ townships: z.array(TownshipNode) })
export type PlaceTree = z.infer<typeof PlaceTree>

/** GET /api/registry/units */
export const UnitRow = z.strictObject({
  id: Id,
  name: z.string(),
  category: z.enum(UNIT_CATEGORIES),
  mobilisationClass: z.enum(MOBILISATION_CLASSES),
  members: z.number().int(),
  grids: z.array(z.strictObject({ pairingId: Id, gridId: Id, name: z.string(), communityName: z.string(), isLead: z.boolean() })),
})
export type UnitRow = z.infer<typeof UnitRow>
export const UnitList = z.strictObject({ units: z.array(UnitRow) })

/** GET /api/registry/people?unitId=&gridId=&after=&limit= */
export const PeopleQuery = z.strictObject({
  unitId: Id.optional(),
  gridId: Id.optional(),
  after: Id.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})
export const PersonRow = z.strictObject({
  personId: Id,
  name: z.string(),
  phoneMasked: z.string(),
  unitName: z.string().nullable(),
  gridPost: z.enum(GRID_POSTS).nullable(),
  tier: z.number().int().nullable(),
  exemption: z.enum(EXEMPTION_REASONS).nullable(),
})
export type PersonRow = z.infer<typeof PersonRow>
export const PeoplePage = z.strictObject({ people: z.array(PersonRow), next: z.string().nullable() })
export type PeoplePage = z.infer<typeof PeoplePage>

/** POST /api/registry/people */
export const NewPerson = z.strictObject({
  name: ShortText,
  phone: z.string().trim().min(5).max(30),
  birthYear: z.number().int().min(1900).max(2020).nullable(),
  politicalStatus: z.enum(POLITICAL_STATUSES),
  unitId: Id,
  tier: z.union([z.literal(1), z.literal(2), z.literal(3)]).nullable(),
})
export type NewPerson = z.infer<typeof NewPerson>

/** POST /api/registry/exemptions: 报备不能到 */
export const NewExemption = z.strictObject({
  personId: Id,
  reason: z.enum(EXEMPTION_REASONS),
  note: z.string().trim().max(200),
  validFrom: Day,
  validTo: Day.nullable(),
})
export type NewExemption = z.infer<typeof NewExemption>

/** POST /api/registry/pairings */
export const NewPairing = z.strictObject({ unitId: Id, gridId: Id, isLead: z.boolean(), validFrom: Day })
export type NewPairing = z.infer<typeof NewPairing>
/** POST /api/registry/pairings/:id/end */
export const EndPairing = z.strictObject({ lastDay: Day })

/** POST /api/people/:personId/phone-reveals: the full number, with a reason that is logged (invariant 14). */
export const RevealPhone = z.strictObject({ reason: LongText })
export const RevealedPhone = z.strictObject({ phone: z.string() })
export const IdReply = z.strictObject({ id: Id })
