import type { Role } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { PhoneVault } from './phone.ts'
import { sql } from 'drizzle-orm'
import { DomainError } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { normalisePhone } from './phone.ts'

/** Who is registered under this number, however it is typed? Throws PHONE_INVALID for what is no number. */
export async function findByPhone(tx: Tx, vault: PhoneVault, phone: string): Promise<{ personId: string, name: string } | null> {
  const hash = vault.hash(phone)
  if (hash === null)
    throw new DomainError('PHONE_INVALID', { field: 'phone' })
  const rows = await tx.execute<{ id: string, name: string }>(sql`select id, name from persons where phone_hash = decode(${hash.toString('hex')}, 'hex')`)
  return rows[0] === undefined ? null : { personId: rows[0].id, name: rows[0].name }
}

/**
 * Gives a county-wide role to the person with this number, registering him where nobody has it: the
 * beginning of a county, before there is anyone to do it on a screen.
 * @throws PHONE_INVALID; PHONE_TAKEN where the number belongs to somebody of another name.
 */
export async function appoint(tx: Tx, vault: PhoneVault, officer: { name: string, phone: string, role: Role }, today: string): Promise<{ personId: string, isNew: boolean }> {
  const known = await findByPhone(tx, vault, officer.phone)
  if (known !== null && known.name !== officer.name)
    throw new DomainError('PHONE_TAKEN', { field: 'phone' })
  const personId = known?.personId ?? newId()
  if (known === null) {
    const phone = normalisePhone(officer.phone) ?? officer.phone
    // Nothing is known of the person beyond name and number; the import of the county's tables completes it.
    await tx.execute(sql`
      insert into persons (id, name, phone_cipher, phone_hash, political_status)
      values (${personId}, ${officer.name}, decode(${vault.seal(phone).toString('hex')}, 'hex'), decode(${vault.hash(phone)?.toString('hex') ?? ''}, 'hex'), 'masses')`)
  }
  await tx.execute(sql`
    insert into role_grants (id, person_id, role, scope_type, scope_id, valid_from)
    select ${newId()}, ${personId}, ${officer.role}, 'county', null, ${today}
    where not exists (select from role_grants where person_id = ${personId} and role = ${officer.role} and scope_type = 'county' and (valid_to is null or valid_to > ${today}))
    on conflict on constraint role_grants_key do update set valid_to = null`)
  return { personId, isNew: known === null }
}
