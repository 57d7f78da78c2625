import type { Scope } from '../../../contract/common.ts'
import type { NewExemption, NewPairing, NewPerson, PersonRow, UnitRow } from '../../../contract/registry.ts'
import type { ExemptionReason, GridPost, MobilisationClass, UnitCategory } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { PhoneVault } from './phone.ts'
import { sql } from 'drizzle-orm'
import { uuids } from '../../platform/db/index.ts'
import { newId } from '../../platform/ids.ts'
import { maskPhone } from './phone.ts'
import { pairedOn } from './places.repo.ts'

/** Units that the scopes cover: all for the county, else own units and those paired with own grids. */
export async function listUnits(tx: Tx, scopes: readonly Scope[], gridIds: ReadonlySet<string>, today: string): Promise<UnitRow[]> {
  const everything = scopes.some(s => s.type === 'county')
  const own = scopes.filter(s => s.type === 'unit').map(s => s.id)
  const rows = await tx.execute<{ id: string, name: string, category: UnitCategory, mobilisation_class: MobilisationClass, members: number, grids: UnitRow['grids'] }>(sql`
    select u.id, u.name, u.category, u.mobilisation_class,
      (select count(*)::int from employments e where e.unit_id = u.id and e.valid_to is null) as members,
      coalesce((select json_agg(json_build_object('pairingId', pa.id, 'gridId', g.id, 'name', g.name, 'communityName', c.name, 'isLead', pa.is_lead) order by g.code)
        from pairings pa join grids g on g.id = pa.grid_id join communities c on c.id = g.community_id
        where pa.unit_id = u.id and ${pairedOn('pa', today)}), '[]') as grids
    from units u
    where (u.valid_to is null or u.valid_to >= ${today}) and (${everything} or u.id = any(${uuids(own)})
      or exists (select from pairings pa where pa.unit_id = u.id and ${pairedOn('pa', today)} and pa.grid_id = any(${uuids(gridIds)})))
    order by u.name`)
  return rows.map(r => ({ id: r.id, name: r.name, category: r.category, mobilisationClass: r.mobilisation_class, members: r.members, grids: r.grids }))
}

export interface PeopleFilter {
  everyone: boolean
  unitIds: readonly string[]
  gridIds: ReadonlySet<string>
  unitId?: string | undefined
  gridId?: string | undefined
  after?: string | undefined
  limit: number
}

/** A keyset page of people by id, cut to the reader's units and grids in SQL. */
export async function pageOfPeople(tx: Tx, vault: PhoneVault, f: PeopleFilter, today: string): Promise<{ people: PersonRow[], next: string | null }> {
  const rows = await tx.execute<{ id: string, name: string, phone_cipher: Buffer, unit_name: string | null, grid_post: GridPost | null, tier: number | null, exemption: ExemptionReason | null }>(sql`
    select p.id, p.name, p.phone_cipher, u.name as unit_name, gp.post as grid_post, e.tier,
      (select x.reason from exemptions x where x.person_id = p.id and x.valid_from <= ${today} and (x.valid_to is null or x.valid_to >= ${today}) limit 1) as exemption
    from persons p
    left join employments e on e.person_id = p.id and e.valid_to is null
    left join units u on u.id = e.unit_id
    left join lateral (select post, grid_id from grid_posts g where g.person_id = p.id and g.valid_to is null order by g.post limit 1) gp on true
    where (${f.everyone} or e.unit_id = any(${uuids(f.unitIds)})
        or exists (select from grid_posts g where g.person_id = p.id and g.valid_to is null and g.grid_id = any(${uuids(f.gridIds)})))
      and (${f.unitId ?? null}::uuid is null or e.unit_id = ${f.unitId ?? null}::uuid)
      and (${f.gridId ?? null}::uuid is null or exists (select from grid_posts g where g.person_id = p.id and g.valid_to is null and g.grid_id = ${f.gridId ?? null}::uuid))
      and (${f.after ?? null}::uuid is null or p.id > ${f.after ?? null}::uuid)
    order by p.id limit ${f.limit + 1}`)
  const page = rows.slice(0, f.limit)
  return {
    people: page.map(r => ({ personId: r.id, name: r.name, phoneMasked: maskPhone(vault.open(r.phone_cipher)), unitName: r.unit_name, gridPost: r.grid_post, tier: r.tier, exemption: r.exemption })),
    next: rows.length > f.limit ? page.at(-1)?.id ?? null : null,
  }
}

export interface PersonPlace { personId: string, name: string, phoneCipher: Buffer, unitId: string | null, unitName: string | null, gridId: string | null }

export async function findPerson(tx: Tx, personId: string): Promise<PersonPlace | null> {
  const rows = await tx.execute<{ id: string, name: string, phone_cipher: Buffer, unit_id: string | null, unit_name: string | null, grid_id: string | null }>(sql`
    select p.id, p.name, p.phone_cipher, e.unit_id, u.name as unit_name,
      (select g.grid_id from grid_posts g where g.person_id = p.id and g.valid_to is null order by g.post limit 1) as grid_id
    from persons p left join employments e on e.person_id = p.id and e.valid_to is null left join units u on u.id = e.unit_id
    where p.id = ${personId}`)
  const r = rows[0]
  return r === undefined ? null : { personId: r.id, name: r.name, phoneCipher: r.phone_cipher, unitId: r.unit_id, unitName: r.unit_name, gridId: r.grid_id }
}

export async function insertPerson(tx: Tx, vault: PhoneVault, person: NewPerson, phone: string, phoneHash: Buffer, today: string): Promise<string> {
  const id = newId()
  await tx.execute(sql`
    insert into persons (id, name, phone_cipher, phone_hash, birth_year, political_status)
    values (${id}, ${person.name}, decode(${vault.seal(phone).toString('hex')}, 'hex'), decode(${phoneHash.toString('hex')}, 'hex'), ${person.birthYear}, ${person.politicalStatus})`)
  await tx.execute(sql`insert into employments (person_id, unit_id, post, tier, valid_from) values (${id}, ${person.unitId}, '', ${person.tier}, ${today})`)
  if (person.politicalStatus === 'partyMember' || person.politicalStatus === 'probationaryMember') {
    await tx.execute(sql`
      insert into memberships (person_id, party_org_id, kind, valid_from)
      select ${id}, o.id, ${person.politicalStatus === 'partyMember' ? 'inService' : 'probationary'}, ${today}
      from party_orgs o where o.unit_id = ${person.unitId} and o.dissolved_on is null order by o.valid_from, o.id limit 1`)
  }
  return id
}

export async function insertExemption(tx: Tx, exemption: NewExemption): Promise<string> {
  const id = newId()
  await tx.execute(sql`
    insert into exemptions (id, person_id, reason, note, valid_from, valid_to)
    values (${id}, ${exemption.personId}, ${exemption.reason}, ${exemption.note}, ${exemption.validFrom}, ${exemption.validTo})
    on conflict on constraint exemptions_person_from_key do update set note = excluded.note, valid_to = excluded.valid_to`)
  return id
}

/** Only one change of a grid's pairings at a time: each of them looks at the others. */
async function lockGrid(tx: Tx, gridId: string): Promise<void> {
  await tx.execute(sql`select from grids where id = ${gridId} for no key update`)
}

/** Pairs the unit with the grid. A grid that nobody leads is led by whoever comes first. */
export async function insertPairing(tx: Tx, p: NewPairing): Promise<string> {
  await lockGrid(tx, p.gridId)
  const id = newId()
  await tx.execute(sql`
    insert into pairings (id, unit_id, grid_id, is_lead, valid_from)
    values (${id}, ${p.unitId}, ${p.gridId}, ${p.isLead} or not exists (select from pairings where grid_id = ${p.gridId} and is_lead and valid_to is null), ${p.validFrom})`)
  return id
}

export interface OpenPairing { unitId: string, gridId: string, isLead: boolean, validFrom: string }

/** Locks a pairing that has no end yet, its grid and its unit, so that two ends at once cannot leave either bare. */
export async function lockPairing(tx: Tx, pairingId: string): Promise<OpenPairing | null> {
  const found = await tx.execute<{ grid_id: string, unit_id: string }>(sql`select grid_id, unit_id from pairings where id = ${pairingId}`)
  if (found[0] === undefined)
    return null
  await lockGrid(tx, found[0].grid_id)
  await tx.execute(sql`select from units where id = ${found[0].unit_id} for no key update`)
  const rows = await tx.execute<{ unit_id: string, grid_id: string, is_lead: boolean, valid_from: string }>(sql`
    select unit_id, grid_id, is_lead, valid_from from pairings where id = ${pairingId} and valid_to is null for update`)
  const r = rows[0]
  return r === undefined ? null : { unitId: r.unit_id, gridId: r.grid_id, isLead: r.is_lead, validFrom: r.valid_from }
}

/** Pairings without an end that are in force on the day after `lastDay`, of the unit and of the grid, beside this one. */
export async function countOthers(tx: Tx, pairingId: string, { unitId, gridId }: OpenPairing, lastDay: string): Promise<{ ofUnit: number, ofGrid: number }> {
  const rows = await tx.execute<{ of_unit: number, of_grid: number }>(sql`
    select count(*) filter (where unit_id = ${unitId})::int as of_unit, count(*) filter (where grid_id = ${gridId})::int as of_grid
    from pairings where (unit_id = ${unitId} or grid_id = ${gridId}) and id <> ${pairingId} and valid_to is null and valid_from <= ${lastDay}::date + 1`)
  return { ofUnit: rows[0]?.of_unit ?? 0, ofGrid: rows[0]?.of_grid ?? 0 }
}

/** Ends the pairing. Where it led, the longest-standing other one leads from the next day: as a row of its own, so that who led on which day stays known. */
export async function endPairing(tx: Tx, pairingId: string, { gridId, isLead }: OpenPairing, lastDay: string): Promise<void> {
  await tx.execute(sql`update pairings set valid_to = ${lastDay} where id = ${pairingId}`)
  if (!isLead)
    return
  const heirs = await tx.execute<{ id: string, unit_id: string, valid_from: string }>(sql`
    select id, unit_id, valid_from from pairings where grid_id = ${gridId} and valid_to is null order by valid_from, id limit 1`)
  const heir = heirs[0]
  if (heir === undefined)
    return
  if (heir.valid_from > lastDay) {
    await tx.execute(sql`update pairings set is_lead = true where id = ${heir.id}`)
    return
  }
  await tx.execute(sql`update pairings set valid_to = ${lastDay} where id = ${heir.id}`)
  await tx.execute(sql`insert into pairings (id, unit_id, grid_id, is_lead, valid_from) values (${newId()}, ${heir.unit_id}, ${gridId}, true, ${lastDay}::date + 1)`)
}

export async function placeNames(tx: Tx, scopes: readonly Scope[]): Promise<Map<string, string>> {
  const ids = scopes.map(s => s.id)
  const rows = await tx.execute<{ id: string, name: string }>(sql`
    select id, name from townships where id = any(${uuids(ids)}) union all select id, name from communities where id = any(${uuids(ids)})
    union all select id, name from grids where id = any(${uuids(ids)}) union all select id, name from units where id = any(${uuids(ids)})`)
  return new Map(rows.map(r => [r.id, r.name]))
}
