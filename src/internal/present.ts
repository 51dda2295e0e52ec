/**
 * Records without the fields that are `undefined`.
 */

/** Only the fields that are there. */
export const present = <Fields extends object>(fields: Fields): Partial<Fields> => {
  const there: Partial<Fields> = { ...fields }
  for (const key of Object.keys(there)) if (Reflect.get(there, key) === undefined) Reflect.deleteProperty(there, key)
  return there
}
