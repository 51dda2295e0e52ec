/**
 * Records that were registered one after the other, in the order in which they are asked. A combined record remembers what
 * it is made of, so that another one can still take its place among them.
 */

/** In the order in which they are asked. */
export const groups = ["system", "plugin", "user"] as const
export type Group = (typeof groups)[number]

export interface Registered<Record> {
  readonly record: Record
  readonly group: Group
  readonly order: number
}

/** By group, then by order, then as they were registered. */
export const sorted = <Record>(registered: ReadonlyArray<Registered<Record>>): ReadonlyArray<Registered<Record>> =>
  [...registered].sort((a, b) => {
    const byGroup = groups.indexOf(a.group) - groups.indexOf(b.group)
    // Infinity minus itself is no number.
    return byGroup !== 0 || a.order === b.order ? byGroup : a.order < b.order ? -1 : 1
  })

/** A place among the records, or the mistake in it. */
export const place = (group: string, order: number): { readonly group: Group; readonly order: number } => {
  const known = groups.find((name) => name === group)
  if (known === undefined) throw new TypeError(`group must be one of ${groups.join(", ")}; it is ${group}`)
  if (typeof order !== "number" || Number.isNaN(order)) throw new TypeError("order must be a number")
  return { group: known, order }
}

/** What combined records are made of. */
export const makeParts = <Record extends object>() => {
  const parts = new WeakMap<Record, ReadonlyArray<Registered<Record>>>()
  return {
    /** A record that nobody registered is one of the user's. */
    of: (record: Record): ReadonlyArray<Registered<Record>> =>
      parts.get(record) ?? [{ record, group: "user", order: 0 }],
    remember: (record: Record, made: ReadonlyArray<Registered<Record>>): Record => {
      parts.set(record, made)
      return record
    }
  }
}
