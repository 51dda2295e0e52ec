/**
 * Maps that keep their newest values only, in the order of their entries.
 */

/** Keeps a value as the newest one. The oldest go when there are more than `most`. */
export const keep = <Key, Value>(map: Map<Key, Value>, key: Key, value: Value, most: number): void => {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= most) return
    map.delete(oldest)
  }
}
