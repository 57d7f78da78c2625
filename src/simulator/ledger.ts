/** What the simulated people did and what the server acknowledged: the other side of the reconciliation. */

export interface PersonLedger {
  personId: string
  name: string
  /** Last answer that the server acknowledged as counted. */
  answer: string | null
  checkedIn: boolean
  checkedOut: boolean
  /** Said by an officer. */
  unreachable: boolean
  unsigned: boolean
}

export class Ledger {
  readonly people = new Map<string, PersonLedger>()
  readonly counts = { links: 0, receipts: 0, answers: 0, replays: 0, late: 0, checkIns: 0, checkOuts: 0, lostReplies: 0, duplicates: 0, refusals: 0 }

  person(personId: string, name: string): PersonLedger {
    let person = this.people.get(personId)
    if (person === undefined) {
      person = { personId, name, answer: null, checkedIn: false, checkedOut: false, unreachable: false, unsigned: false }
      this.people.set(personId, person)
    }
    return person
  }
}
