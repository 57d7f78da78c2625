/**
 * People are known by their numbers, and numbers change. Who is gone under an old number and stands in the same
 * place by the same name under a new one may be the same man: that is asked in the sheet, never guessed.
 */
import type { Tx } from '../../platform/db/index.ts'
import type { Fault } from './import-faults.ts'
import type { PhoneVault } from './phone.ts'
import type { CountyTables, Row, SheetName } from './sheets.ts'
import { sql } from 'drizzle-orm'
import { maskPhone } from './phone.ts'
import { sheetOf } from './sheets.ts'

type Listed = Extract<SheetName, 'members' | 'gridStaff'>
interface Gone { [column: string]: unknown, id: string, place: string, name: string, phone_cipher: Buffer }

const s = (row: Row, field: string): string => String(row.cells[field] ?? '')
const PLACES: Record<Listed, (row: Row) => string> = {
  members: row => s(row, 'unit'),
  gridStaff: row => `${s(row, 'community')} ${s(row, 'grid')}`,
}

/** In force, and under no number of these tables. */
function readGone(tx: Tx, name: Listed, hashes: readonly string[], today: string): Promise<Gone[]> {
  const given = sql`with given as (select decode(h, 'hex') as hash from json_array_elements_text(${JSON.stringify(hashes)}::json) h)`
  const absent = sql`not exists (select from given where given.hash = p.phone_hash)`
  return name === 'members'
    ? tx.execute<Gone>(sql`${given} select p.id, u.name as place, p.name, p.phone_cipher from employments e join persons p on p.id = e.person_id join units u on u.id = e.unit_id
        where (e.valid_to is null or e.valid_to >= ${today}) and ${absent} order by p.id`)
    : tx.execute<Gone>(sql`${given} select distinct p.id, c.name || ' ' || g.name as place, p.name, p.phone_cipher from grid_posts x join persons p on p.id = x.person_id join grids g on g.id = x.grid_id join communities c on c.id = g.community_id
        where (x.valid_to is null or x.valid_to >= ${today}) and ${absent} order by p.id`)
}

/**
 * Gives those who are the same man their new numbers, so that the import finds them under these; the rest comes
 * back as faults that ask. Before anybody is matched by number.
 * @returns how many are new by nothing but their number; who has changed otherwise as well is counted with the others.
 */
export async function renumber(tx: Tx, t: CountyTables, vault: PhoneVault, hashes: ReadonlyMap<string, string>, today: string): Promise<{ changed: number, faults: Fault[] }> {
  const known = new Set((await tx.execute<{ hash: string }>(sql`select encode(phone_hash, 'hex') as hash from persons`)).map(r => r.hash))
  const faults: Fault[] = []
  const same = new Map<string, { personId: string, row: Row }>()
  for (const name of ['members', 'gridStaff'] as const) {
    const newcomers = t[name].filter(row => !known.has(hashes.get(s(row, 'phone')) ?? ''))
    if (newcomers.length === 0 || known.size === 0)
      continue
    const keyOf = (place: string, person: string) => `${place}\n${person}`
    const gone = Map.groupBy(await readGone(tx, name, [...hashes.values()], today), r => keyOf(r.place, r.name))
    const comers = Map.groupBy(newcomers, row => keyOf(PLACES[name](row), s(row, 'name')))
    for (const [key, rows] of comers) {
      const candidates = gone.get(key) ?? []
      for (const row of rows) {
        const answer = row.cells.samePerson
        const [only] = candidates
        if (candidates.length === 0 || answer === false || only === undefined)
          continue
        const isClear = candidates.length === 1 && rows.length === 1
        if (answer === true && isClear)
          same.set(s(row, 'phone'), { personId: only.id, row })
        else
          faults.push({ file: row.file, row: row.line, column: sheetOf(name).columns.find(c => c.field === 'samePerson')?.heading ?? '', code: isClear ? 'perhapsRenumbered' : 'severalOfThatName', detail: candidates.map(r => maskPhone(vault.open(r.phone_cipher))).join('、') })
      }
    }
  }
  if (faults.length > 0 || same.size === 0)
    return { changed: 0, faults }
  const changes = [...same].map(([phone, { personId, row }]) => ({ id: personId, cipher: vault.seal(phone).toString('hex'), hash: hashes.get(phone) ?? '', birth_year: row.cells.birthYear ?? null, political_status: row.cells.politicalStatus }))
  const done = await tx.execute<{ is_alike: boolean }>(sql`
    update persons p set phone_hash = decode(c.hash, 'hex'), phone_cipher = decode(c.cipher, 'hex')
    from json_to_recordset(${JSON.stringify(changes)}::json) as c(id uuid, cipher text, hash text, birth_year smallint, political_status text) where p.id = c.id
    returning p.birth_year is not distinct from c.birth_year and p.political_status = c.political_status as is_alike`)
  return { changed: done.filter(r => r.is_alike).length, faults: [] }
}
