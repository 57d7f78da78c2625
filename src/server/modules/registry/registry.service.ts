import type { z } from 'zod'
import type { Grant, Me } from '../../../contract/identity.ts'
import type { NewExemption, NewPairing, NewPerson, PeoplePage, PeopleQuery, PlaceTree, UnitRow } from '../../../contract/registry.ts'
import type { Mode } from '../../../contract/vocabulary.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { Actor, Caller } from '../../platform/http/index.ts'
import type { PhoneVault } from './phone.ts'
import type { GridIndex } from './places.repo.ts'
import { dayOf } from '../../platform/clock.ts'
import { violates } from '../../platform/db/index.ts'
import { DomainError } from '../../platform/errors.ts'
import { audit } from '../audit/index.ts'
import { requireAccess, requireScopes } from '../identity/index.ts'
import { countOthers, endPairing, findPerson, insertExemption, insertPairing, insertPerson, listUnits, lockPairing, pageOfPeople, placeNames } from './people.repo.ts'
import { maskPhone, normalisePhone } from './phone.ts'
import { gridsOfScopes, readPlaceTree } from './places.repo.ts'

export interface RegistryDeps {
  db: Database
  clock: Clock
  timeZone: string
  countyName: string
  vault: PhoneVault
  grids: GridIndex
  /** Modes are derived from emergencies, which stand below the registry. */
  modesOf: (tx: Tx, gridIds: readonly string[]) => Promise<Map<string, Mode>>
}

/** A date or year that the schema alone cannot judge. */
function fault(path: string, message: string): DomainError {
  return new DomainError('VALIDATION_FAILED', { fields: `${path} (${message})`, issues: [{ path, message }] })
}

export type Registry = ReturnType<typeof createRegistry>

export function createRegistry({ db, clock, timeZone, countyName, vault, grids, modesOf }: RegistryDeps) {
  const today = () => dayOf(clock.now(), timeZone)

  return {
    grids,
    vault,
    today,

    /** Name, masked phone, unit and named scopes of a person; identity asks. */
    async describe(tx: Tx, personId: string, grants: Actor['grants']): Promise<Pick<Me, 'name' | 'phoneMasked' | 'unit' | 'grants'>> {
      const person = await findPerson(tx, personId)
      if (person === null)
        throw new DomainError('NOT_FOUND')
      const names = await placeNames(tx, grants.map(g => ({ type: g.scopeType, id: g.scopeId })))
      return {
        name: person.name,
        phoneMasked: maskPhone(vault.open(person.phoneCipher)),
        unit: person.unitId === null || person.unitName === null ? null : { id: person.unitId, name: person.unitName },
        grants: grants.map((g): Grant => ({ role: g.role, scope: { type: g.scopeType, id: g.scopeId }, scopeName: g.scopeId === null ? countyName : names.get(g.scopeId) ?? '' })),
      }
    },

    async tree({ actor }: Caller): Promise<PlaceTree> {
      const scopes = requireScopes(actor, 'registry.view')
      return db.read.tx(async (tx) => {
        const visible = await gridsOfScopes(tx, grids, scopes, today())
        return { townships: await readPlaceTree(tx, visible, await modesOf(tx, [...visible]), today()) }
      }, { readOnly: true })
    },

    async units({ actor }: Caller): Promise<{ units: UnitRow[] }> {
      const scopes = requireScopes(actor, 'registry.view')
      return db.read.tx(async (tx) => {
        const visible = new Set(grids.within(scopes))
        return { units: await listUnits(tx, scopes, visible, today()) }
      }, { readOnly: true })
    },

    /** Own unit's members and own grids' staff; the county sees everyone. */
    async people({ actor }: Caller, query: z.output<typeof PeopleQuery>): Promise<PeoplePage> {
      const scopes = requireScopes(actor, 'registry.view')
      return db.read.tx(tx => pageOfPeople(tx, vault, {
        ...query,
        everyone: scopes.some(s => s.type === 'county'),
        unitIds: scopes.flatMap(s => s.type === 'unit' && s.id !== null ? [s.id] : []),
        gridIds: new Set(grids.within(scopes)),
      }, today()), { readOnly: true })
    },

    async addPerson({ actor, requestId }: Caller, person: NewPerson): Promise<{ id: string }> {
      requireAccess(actor, 'registry.editPeople', { unitId: person.unitId }, 'registry.view')
      const phone = normalisePhone(person.phone)
      const hash = vault.hash(person.phone)
      if (phone === null || hash === null)
        throw new DomainError('PHONE_INVALID', { field: 'phone' })
      // Adults only (Art. 39 of the Emergency Response Law).
      if (person.birthYear !== null && person.birthYear > Number(today().slice(0, 4)) - 18)
        throw fault('birthYear', `> ${Number(today().slice(0, 4)) - 18}`)
      try {
        return await db.work.tx(async (tx) => {
          const id = await insertPerson(tx, vault, person, phone, hash, today())
          await audit(tx, { actorId: actor.personId, action: 'registry.addPerson', subjectType: 'person', subjectId: id, requestId })
          return { id }
        })
      }
      catch (error) {
        if (violates(error, 'persons_phone_key'))
          throw new DomainError('PHONE_TAKEN', { field: 'phone' })
        throw error
      }
    },

    async addExemption({ actor, requestId }: Caller, exemption: NewExemption): Promise<{ id: string }> {
      return db.work.tx(async (tx) => {
        const person = await findPerson(tx, exemption.personId)
        if (person === null)
          throw new DomainError('NOT_FOUND')
        requireAccess(actor, 'registry.editPeople', { personId: person.personId, ...(person.unitId === null ? {} : { unitId: person.unitId }) }, 'registry.view')
        if (exemption.validTo !== null && exemption.validTo < exemption.validFrom)
          throw fault('validTo', `< ${exemption.validFrom}`)
        const id = await insertExemption(tx, exemption)
        await audit(tx, { actorId: actor.personId, action: 'registry.addExemption', subjectType: 'person', subjectId: exemption.personId, requestId, details: { reason: exemption.reason } })
        return { id }
      })
    },

    async addPairing({ actor, requestId }: Caller, pairing: z.output<typeof NewPairing>): Promise<{ id: string }> {
      requireAccess(actor, 'registry.editPairings', {})
      try {
        return await db.work.tx(async (tx) => {
          const id = await insertPairing(tx, pairing)
          await audit(tx, { actorId: actor.personId, action: 'registry.addPairing', subjectType: 'pairing', subjectId: id, requestId, details: { ...pairing } })
          return { id }
        })
      }
      catch (error) {
        if (violates(error, 'pairings_current_key') || violates(error, 'pairings_no_overlap'))
          throw new DomainError('PAIRING_OVERLAP')
        if (violates(error, 'pairings_lead_key'))
          throw new DomainError('PAIRING_LEAD_TAKEN', { field: 'isLead' })
        if (violates(error, 'pairings_unit_id_units_id_fk') || violates(error, 'pairings_grid_id_grids_id_fk'))
          throw new DomainError('NOT_FOUND')
        throw error
      }
    },

    /** @throws PAIRING_LAST where the unit or the grid would be left without any (invariant 4). */
    async endPairing({ actor, requestId }: Caller, pairingId: string, lastDay: string): Promise<void> {
      requireAccess(actor, 'registry.editPairings', {})
      await db.work.tx(async (tx) => {
        const pairing = await lockPairing(tx, pairingId)
        if (pairing === null)
          throw new DomainError('NOT_FOUND')
        if (lastDay < pairing.validFrom)
          throw fault('lastDay', `< ${pairing.validFrom}`)
        const others = await countOthers(tx, pairingId, pairing, lastDay)
        if (others.ofUnit === 0 || others.ofGrid === 0)
          throw new DomainError('PAIRING_LAST')
        await endPairing(tx, pairingId, pairing, lastDay)
        await audit(tx, { actorId: actor.personId, action: 'registry.endPairing', subjectType: 'pairing', subjectId: pairingId, requestId, details: { lastDay } })
      })
    },

    /** The full number, for a reason that is logged with the name of the reader (invariant 14). */
    async revealPhone({ actor, requestId }: Caller, personId: string, reason: string, relation: (tx: Tx) => Promise<{ captainId?: string | null, mode?: Mode, gridId?: string | null, emergencyId?: string }>): Promise<{ phone: string }> {
      return db.work.tx(async (tx) => {
        const person = await findPerson(tx, personId)
        if (person === null)
          throw new DomainError('NOT_FOUND')
        const facts = await relation(tx)
        const gridId = facts.gridId ?? person.gridId
        const place = gridId === null ? undefined : grids.get(gridId)
        requireAccess(actor, 'person.revealPhone', {
          personId,
          ...(person.unitId === null ? {} : { unitId: person.unitId }),
          ...(place === undefined ? {} : { gridId: place.gridId, communityId: place.communityId, townshipId: place.townshipId }),
          ...(facts.captainId === undefined ? {} : { captainId: facts.captainId }),
          ...(facts.mode === undefined ? {} : { mode: facts.mode }),
          ...(facts.emergencyId === undefined ? {} : { emergencyId: facts.emergencyId }),
        }, 'registry.view')
        await audit(tx, { actorId: actor.personId, action: 'person.revealPhone', subjectType: 'person', subjectId: personId, requestId, details: { reason } })
        return { phone: vault.open(person.phoneCipher) }
      })
    },
  }
}
