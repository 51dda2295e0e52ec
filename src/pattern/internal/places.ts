/**
 * The names of places: each once, and the same when the same parts come again.
 */

/** Names of which none is taken twice: the second `writer` is `writer-2`. */
export const places = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const taken = new Set<string>()
  // Names that are there once stay as they are, whatever comes before them.
  const own = new Set(names)
  return names.map((name) => {
    const place = taken.has(name) ? beside(name, new Set([...own, ...taken])) : name
    taken.add(place)
    return place
  })
}

/** A name that is not among those taken. */
export const beside = (name: string, taken: ReadonlySet<string>): string => {
  if (!taken.has(name)) return name
  let number = 2
  while (taken.has(`${name}-${number}`)) number++
  return `${name}-${number}`
}
